#!/usr/bin/env python3
"""Fits the polynomials of dlc's inlined math functions.

Every table in compiler/codegen/emitter/MathCoefficients.h comes from here.
A fit minimizes the largest weighted error over an interval (Remez exchange on
a dense Chebyshev grid, in multiple precision), then rounds the coefficients to
f32 or f64 one at a time, lowest power first, refitting the others after each:
what rounding one coefficient costs, the next ones win back.

    fit_polynomials.py           print the header
    fit_polynomials.py --write   write it in place
    fit_polynomials.py --check   exit 1 unless the file equals the output

Needs mpmath. Takes about five seconds.
"""
import argparse
import pathlib
import re
import sys

from mpmath import mp, mpf

mp.dps = 50  # three parts of pi in f64 need 48 digits
HEADER = (pathlib.Path(__file__).resolve().parents[2] /
          "compiler/codegen/emitter/MathCoefficients.h")
PRECISION = {"F32": 24, "F64": 53}
ERF_CENTER = {"F32": mpf(2), "F64": mpf("2.5")}


def round_to(value, bits, direction="n"):
    """Rounds to a float of `bits` significant bits (exponent unbounded), to
    nearest or, with "d", toward zero."""
    return mp.fadd(value, 0, prec=bits, rounding=direction)


def parts(value, bits, count, direction="n"):
    """`count` floats whose sum is `value`, each the rounding of the rest."""
    result = []
    for _ in range(count):
        result.append(round_to(value, bits, direction))
        value -= result[-1]
    return result


def chebyshev_grid(lo, hi, count):
    half, mid = (hi - lo) / 2, (hi + lo) / 2
    return [mid - half * mp.cos(mp.pi * (2 * i + 1) / (2 * count))
            for i in range(count)]


def horner(coefficients, v):
    total = mpf(0)
    for c in reversed(coefficients):
        total = total * v + c
    return total


def exchange(errors, reference):
    """The next reference: each point moves to the largest error of its run of
    equal sign, so no error of the reference shrinks; then, if the largest
    error of all lies in a run without a point, that one takes the place of
    the neighbour whose sign it has."""
    peak, run, runs = [], [], -1
    for i, e in enumerate(errors):
        if i == 0 or (e > 0) != (errors[i - 1] > 0):
            peak.append(i)
            runs += 1
        elif abs(e) > abs(errors[peak[-1]]):
            peak[-1] = i
        run.append(runs)
    result = [peak[run[i]] for i in reference]
    worst = max(peak, key=lambda i: abs(errors[i]))
    if worst in result:
        return result

    def same_sign(i):
        return (errors[i] > 0) == (errors[worst] > 0)

    if worst < result[0]:
        return [worst] + (result[1:] if same_sign(result[0]) else result[:-1])
    if worst > result[-1]:
        return (result[:-1] if same_sign(result[-1]) else result[1:]) + [worst]
    after = next(k for k, i in enumerate(result) if i > worst)
    result[after if same_sign(result[after]) else after - 1] = worst
    return result


def errors_of(points, coefficients):
    return [weight * (target - horner(coefficients, v))
            for v, target, weight in points]


def remez(points, reference):
    """The polynomial with one coefficient less than `reference` has points
    that minimizes the largest weight * |target - polynomial| over `points`
    (v, target, weight), and the reference it ended with."""
    count = len(reference) - 1
    for _ in range(60):
        matrix, rhs = mp.matrix(count + 1), mp.matrix(count + 1, 1)
        for row, index in enumerate(reference):
            v, target, weight = points[index]
            for column in range(count):
                matrix[row, column] = v ** column
            matrix[row, count] = (-1) ** row / weight
            rhs[row] = target
        solution = mp.lu_solve(matrix, rhs)
        coefficients = [solution[i] for i in range(count)]
        errors = errors_of(points, coefficients)
        largest = max(abs(e) for e in errors)
        if largest <= abs(solution[count]) * mpf("1.02"):
            break
        reference = exchange(errors, reference)
    return coefficients, reference


def fit(target, weight, lo, hi, count, precision, variable=lambda x: x):
    """`count` rounded coefficients and log2 of the largest weighted error."""
    points = []
    for x in chebyshev_grid(mpf(lo), mpf(hi), 12 * (count + 2)):
        with mp.extradps(30):
            points.append((variable(x), +target(x), +weight(x)))
    # The ends are left out: a weight may vanish there.
    reference = [(2 * i + 1) * len(points) // (2 * count + 2)
                 for i in range(count + 1)]
    rounded = []
    while len(rounded) < count:
        found, reference = remez(points, reference)
        rounded.append(round_to(found[0], PRECISION[precision]))
        # What is left to fit: (target - c) / v, under the weight times |v|.
        points = [(v, (t - rounded[-1]) / v, w * abs(v))
                  for v, t, w in points]
        reference = reference[1:]
    return rounded, mp.log(max(abs(w * t) for _, t, w in points), 2)


# --- the functions ----------------------------------------------------------

def tables(precision):
    """Yields (name, comment, interval, target, weight, count[, variable])."""
    single = precision == "F32"
    ln2h = mp.log(2) / 2 * mpf("1.001")

    def pick(f32, f64):
        return f32 if single else f64

    yield ("exp2", "(2^r - 1) / r; error relative to 2^r",
           (mpf("-0.5005"), mpf("0.5005")),
           lambda r: mp.expm1(r * mp.log(2)) / r,
           lambda r: abs(r) / 2**r, pick(6, 12))
    yield ("expm1", "(e^r - 1 - r) / r^2; error relative to e^r - 1",
           (-ln2h, ln2h), lambda r: (mp.expm1(r) - r) / r**2,
           lambda r: r**2 / abs(mp.expm1(r)), pick(5, 11))
    yield ("log", "(log(1 + f) - f) / f^2; error relative to log(1 + f)",
           (mp.sqrt(mpf("0.4999")) - 1, mp.sqrt(mpf("2.0001")) - 1),
           lambda f: (mp.log1p(f) - f) / f**2,
           lambda f: f**2 / abs(mp.log1p(f)), pick(9, 21))
    yield ("log2Tail", "(atanh(s) / s - 1 - s^2 / 3) / s^4, in s^2; "
           "error relative to atanh(s)", (mpf("1e-6"), mpf("0.17165")),
           lambda s: (mp.atanh(s) / s - 1 - s**2 / 3) / s**4,
           lambda s: s**5 / mp.atanh(s), pick(3, 8), lambda s: s * s)
    yield ("sin", "(sin(r) / r - 1) / r^2, in r^2, for |r| <= pi/4 and a "
           "margin; relative error", (mpf("1e-6"), mpf(pick(0.83, 0.786))),
           lambda r: (mp.sin(r) / r - 1) / r**2,
           lambda r: r**3 / mp.sin(r), pick(3, 6), lambda r: r * r)
    yield ("cos", "(cos(r) - 1 + r^2 / 2) / r^4, in r^2; relative error",
           (mpf("1e-6"), mpf(pick(0.83, 0.786))),
           lambda r: (mp.cos(r) - 1 + r**2 / 2) / r**4,
           lambda r: r**4 / mp.cos(r), pick(3, 6), lambda r: r * r)
    yield ("asin", "(asin(v) / v - 1) / v^2, in v^2; relative error",
           (mpf("1e-6"), mpf("0.5")), lambda v: (mp.asin(v) / v - 1) / v**2,
           lambda v: v**3 / mp.asin(v), pick(5, 13), lambda v: v * v)
    yield ("atan", "(atan(v) / v - 1) / v^2, in v^2; relative error",
           (mpf("1e-6"), mpf(1)), lambda v: (mp.atan(v) / v - 1) / v**2,
           lambda v: v**3 / mp.atan(v), pick(8, 20), lambda v: v * v)
    yield ("sinh", "(sinh(r) / r - 1) / r^2, in r^2; relative error",
           (mpf("1e-6"), ln2h), lambda r: (mp.sinh(r) / r - 1) / r**2,
           lambda r: r**3 / mp.sinh(r), pick(2, 5), lambda r: r * r)
    yield ("cosh", "(cosh(r) - 1) / r^2, in r^2; relative error",
           (mpf("1e-6"), ln2h), lambda r: (mp.cosh(r) - 1) / r**2,
           lambda r: r**2 / mp.cosh(r), pick(3, 6), lambda r: r * r)
    yield from erf_tables(single)


def erf_tables(single):
    split = mpf("1.1875") if single else mpf("1.3125")
    center = ERF_CENTER["F32" if single else "F64"]
    yield ("erf", "erf(y) / y - 1, in y^2; relative error",
           (mpf("1e-6"), split), lambda y: mp.erf(y) / y - 1,
           lambda y: y / mp.erf(y), 7 if single else 14, lambda y: y * y)
    yield ("erfcRoot", "erfc(y)^(1/8), in y - erfCenter; absolute error of erf",
           (split, mpf("3.95") if single else mpf("5.94")),
           lambda y: mp.erfc(y) ** (mpf(1) / 8),
           lambda y: 8 * mp.erfc(y) ** (mpf(7) / 8),
           7 if single else 17, lambda y: y - center)


def constants(precision):
    """(name, value, comment) of every scalar constant."""
    bits = PRECISION[precision]
    log2e = parts(1 / mp.log(2), bits, 2)
    ln2 = parts(mp.log(2), bits, 2)
    # Toward zero, so that all parts are positive and -0 survives reduction.
    pi = parts(mp.pi / 2, bits, 3, "d")
    near = parts(mp.pi / 2, bits, 2)
    third = parts(mpf(1) / 3, bits, 2)
    yield "log2eHi", log2e[0], "1 / log(2)"
    yield "log2eLo", log2e[1], "its next bits"
    yield "ln2Hi", ln2[0], "log(2)"
    yield "ln2Lo", ln2[1], "its next bits"
    yield "twoOverPi", round_to(2 / mp.pi, bits), "2 / pi"
    yield "halfPiHi", pi[0], "pi / 2, rounded toward zero"
    yield "halfPiMid", pi[1], "its next bits"
    yield "halfPiLo", pi[2], "and the next"
    yield "halfPiNear", near[0], "pi / 2, rounded to nearest"
    yield "halfPiRest", near[1], "its next bits, of either sign"
    yield "thirdHi", third[0], "1 / 3"
    yield "thirdLo", third[1], "its next bits"
    yield "erfCenter", ERF_CENTER[precision], "where erfcRoot's powers are zero"


def reciprocal_guess(precision):
    """A first guess at 1 / d, exact where d is 1 or 2: there the functions
    that divide are too small to be corrected. The free coefficient is the
    one that spreads the relative error evenly, cut to eight bits so that the
    sums are exact."""
    if precision == "F32":
        k = mpf(85) / 256  # 1/3
        c = [mpf(3) / 2 + 2 * k, -mpf(1) / 2 - 3 * k, k]
    else:
        k = -mpf(29) / 128
        c = [mpf(3) / 2 - 6 * k, -mpf(1) / 2 + 11 * k, -6 * k, k]
    error = max(abs(d * horner(c, d) - 1)
                for d in chebyshev_grid(mpf(1), mpf(2), 200))
    return c, mp.log(error, 2)


def literal(value):
    """The shortest hexadecimal literal; every value is an exact double."""
    assert mpf(float(value)) == value
    return re.sub(r"\.?0*p", "p", float(value).hex(), count=1)


def wrap(words, indent, width=80):
    lines, line = [], indent
    for word in words:
        if len(line) + len(word) + 1 > width:
            lines.append(line.rstrip())
            line = indent
        line += word + " "
    return "\n".join(lines + [line.rstrip()])


PROLOGUE = """//===- MathCoefficients.h - Polynomials of the math functions -----------===//
//
// Written by tools/dev/fit_polynomials.py: edit that, not this. Coefficients
// go from the lowest power up and are exact in the element type they serve;
// behind each table stands the largest error of the polynomial alone.
//
//===----------------------------------------------------------------------===//

#ifndef DLC_COMPILER_CODEGEN_EMITTER_MATHCOEFFICIENTS_H
#define DLC_COMPILER_CODEGEN_EMITTER_MATHCOEFFICIENTS_H

#include "llvm/ADT/ArrayRef.h"

namespace dlc::emit {
"""
EPILOGUE = """

} // namespace dlc::emit

#endif // DLC_COMPILER_CODEGEN_EMITTER_MATHCOEFFICIENTS_H
"""


def header():
    out, arrays, scalars, values = [PROLOGUE], {}, {}, {}
    for precision in PRECISION:
        prefix = precision.lower()
        fits = [("reciprocal", "1 / d, exact at the ends; relative error",
                 (mpf(1), mpf(2)), *reciprocal_guess(precision))]
        for name, comment, (lo, hi), target, weight, count, *variable in \
                tables(precision):
            fits.append((name, comment, (lo, hi), *fit(
                target, weight, lo, hi, count, precision, *variable)))
        for name, comment, (lo, hi), fitted, error in fits:
            array = prefix + name[0].upper() + name[1:]
            note = "%s, on [%s, %s]: 2^%.1f" % (
                comment, mp.nstr(lo, 5), mp.nstr(hi, 5), float(error))
            out.append(wrap(note.split(), "// "))
            out.append("inline constexpr double %s[] = {\n%s};\n" % (
                array, wrap([literal(c) + "," for c in fitted],
                            "    ").rstrip(",")))
            arrays.setdefault(name, "  llvm::ArrayRef<double> %s;" % name)
            values[prefix, name] = array
        for name, value, comment in constants(precision):
            scalars.setdefault(name, "  double %s; ///< %s" % (name, comment))
            values[prefix, name] = literal(value)
    members = [*arrays.values(), *scalars.values()]
    out.append("/// Everything the functions of one element type read.\n"
               "struct MathTables {\n%s\n};\n" % "\n".join(members))
    for prefix in map(str.lower, PRECISION):
        fields = ["    .%s = %s" % (name, values[prefix, name])
                  for name in [*arrays, *scalars]]
        out.append("inline constexpr MathTables %sTables = {\n%s};" % (
            prefix, ",\n".join(fields)))
    return "\n".join(out) + EPILOGUE


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    text = header()
    if options.write:
        HEADER.write_text(text)
    elif options.check:
        if not HEADER.exists() or HEADER.read_text() != text:
            print("%s differs from what this script prints; run it with "
                  "--write" % HEADER, file=sys.stderr)
            return 1
    else:
        sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
