#ifndef EXEC_OPS_TD
#define EXEC_OPS_TD

include "dialects/exec/IR/ExecDialect.td"
include "dialects/exec/IR/ExecInterfaces.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/CommonAttrConstraints.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"

class Exec_Op<string mnemonic, list<Trait> traits = []> : Op<Exec_Dialect, mnemonic, traits>;

def Exec_TensorType : TypeAttrOf<AnyStaticShapeTensor>;
/// Bytes from the start of the arena.
def Exec_Offset : OptionalAttr<I64Attr>;

//===----------------------------------------------------------------------===//
// Side by side in the module
//===----------------------------------------------------------------------===//

def Exec_VariableOp : Exec_Op<"variable"> {
  let summary = "a state of all programs";
  let description = [{
    Lives in the arena across calls, at `at`; with `host`, in the host arena. `trained`: a step updates it. `note` says why a parameter is not trained; `init` is the first
    value of a scalar that begins neither at zero nor at a weight. Its name is a string, not a symbol: models name states as they like, also
    like an entry point.

    ```mlir
    exec.variable "fc1.weight" parameter : tensor<128x784xf32> at 0 trained
    ```
  }];
  let arguments = (ins StrAttr:$name, Exec_RoleAttr:$role, Exec_TensorType:$tensorType, I64Attr:$offset, UnitAttr:$trained,
                       OptionalAttr<StrAttr>:$note, OptionalAttr<ElementsAttr>:$init, UnitAttr:$host);
  let assemblyFormat = "$name $role `:` $tensorType `at` $offset (`host` $host^)? (`trained` $trained^)? (`note` $note^)? (`init` $init^)? attr-dict";
  let hasVerifier = 1;
}

def Exec_KernelOp : Exec_Op<"kernel", [Symbol, IsolatedFromAbove, SingleBlock, NoTerminator]> {
  let summary = "the body of a kernel, once for all its launches";
  let description = [{
    Holds one `dlc.kernel` on the block's arguments: what its code computes. `cost` is [operations, bytes read, bytes written] of a launch.
    Launches name it; equal bodies are one kernel.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, DenseI64ArrayAttr:$cost);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name `cost` $cost attr-dict-with-keyword $body";
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    /// The one op of the body.
    ::dlc::KernelOp getRegionOp();
  }];
}

def Exec_ProgramOp : Exec_Op<"program", [Symbol, IsolatedFromAbove, SingleBlock, NoTerminator]> {
  let summary = "an entry point: places, then instructions in order";
  let description = [{
    `arena` is the size of the arena that this program needs, states included, once memory is planned; `host` that of the host arena.

    ```mlir
    exec.program @infer arena(4096) {
      %x = exec.argument "x" : tensor<16x8xf32> at 2048 -> !exec.buffer<512>
      %w = exec.state "fc.weight" : !exec.buffer<256>
      %y = exec.buffer output "fc" at 3072 : !exec.buffer<512>
      exec.launch @fc_7f3a(%x, %w) -> (%y) grid(2) : (!exec.buffer<512>, !exec.buffer<256>) -> !exec.buffer<512>
      exec.output "y" %y : tensor<16x8xf32>, !exec.buffer<512>
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, OptionalAttr<I64Attr>:$arena, OptionalAttr<I64Attr>:$hostArena);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name (`arena` `(` $arena^ `)`)? (`host` `(` $hostArena^ `)`)? attr-dict-with-keyword $body";
  let builders = [OpBuilder<(ins "::llvm::StringRef":$name)>];
  let extraClassDeclaration = [{
    ::mlir::Block &getBlock() { return getBody().front(); }
  }];
}

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

class Exec_Place<string mnemonic>
    : Exec_Op<mnemonic, [HasParent<"ProgramOp">, DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>]> {
  let results = (outs Exec_Buffer:$buffer);
}

def Exec_ArgumentOp : Exec_Place<"argument"> {
  let summary = "an input: the runtime copies the caller's tensor here before the first instruction";
  let arguments = (ins StrAttr:$name, Exec_TensorType:$tensorType, Exec_Offset:$offset);
  let assemblyFormat = "$name `:` $tensorType (`at` $offset^)? attr-dict `->` type($buffer)";
  let hasVerifier = 1;
}

def Exec_StateOp : Exec_Place<"state"> {
  let summary = "the place of a variable";
  let arguments = (ins StrAttr:$name, UnitAttr:$host);
  let assemblyFormat = "$name (`host` $host^)? attr-dict `:` type($buffer)";
}

def Exec_ConstantOp : Exec_Place<"constant"> {
  let summary = "numbers of the artifact, read-only";
  let arguments = (ins ElementsAttr:$value);
  let assemblyFormat = "$value attr-dict `->` type($buffer)";
  let hasVerifier = 1;
}

def Exec_BufferOp : Exec_Place<"buffer"> {
  let summary = "a temporary of the arena";
  let description = [{
    Lives from the first to the last instruction that touches it; places that do not live together may overlap. `name` says which value it holds, for reports.
    With `host` it lies in the host arena, where only transfers reach it.
  }];
  let arguments = (ins Exec_CategoryAttr:$category, OptionalAttr<StrAttr>:$name, Exec_Offset:$offset, UnitAttr:$host);
  let assemblyFormat = "$category (`host` $host^)? ($name^)? (`at` $offset^)? attr-dict `:` type($buffer)";
}

def Exec_OutputOp : Exec_Op<"output", [HasParent<"ProgramOp">]> {
  let summary = "an output: the runtime copies it to the caller after the last instruction";
  let arguments = (ins StrAttr:$name, Exec_Buffer:$buffer, Exec_TensorType:$tensorType);
  let assemblyFormat = "$name $buffer `:` $tensorType `,` type($buffer) attr-dict";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Instructions
//===----------------------------------------------------------------------===//

class Exec_InstructionOp<string mnemonic, list<Trait> traits = []>
    : Exec_Op<mnemonic, !listconcat([HasParent<"ProgramOp">], traits)>;

def Exec_LaunchOp : Exec_InstructionOp<"launch", [
    AttrSizedOperandSegments, DeclareOpInterfaceMethods<Exec_Instruction, ["mayShare"]>, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "runs a kernel over a grid of workgroups";
  let description = [{
    The kernel's arguments are the places in the order inputs, outputs. `grid` and `dims` are what the kernel's code wants; code generation
    fills them in.
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, Variadic<Exec_Buffer>:$inputs, Variadic<Exec_Buffer>:$outputs,
                       OptionalAttr<I64Attr>:$grid, OptionalAttr<DenseI64ArrayAttr>:$dims);
  let assemblyFormat = [{
    $kernel `(` $inputs `)` `->` `(` $outputs `)` (`grid` `(` $grid^ `)`)? (`dims` $dims^)? attr-dict
    `:` functional-type($inputs, $outputs)
  }];
  let hasVerifier = 1;
}

def Exec_GemmOp : Exec_InstructionOp<"gemm", [AttrSizedOperandSegments, DeclareOpInterfaceMethods<Exec_Instruction, ["mayShare"]>]> {
  let summary = "a batched matrix product by the library";
  let description = [{
    `c[b0, b1, m, n] = activation(sum over k of a[b0, b1, m, k] * b[b0, b1, k, n] + bias[n]) + residual[b0, b1, m, n]`

    `sizes` is [b0, b1, m, n, k]. Each matrix is seen through strides, in elements, over [b0, b1, row, column], from an element offset on;
    a batch stride of 0 repeats the matrix. One inner stride of `a` and `b` is 1, and the last of `c`; the residual is addressed like `c`, and
    may be the same place.
    `a` and `b` have the element type; `c` and the residual the one of `to`, which is the same unless given: f32 for a product of 16-bit
    floats whose sum is not rounded. The bias is f32, or `of` the element type where `c` is.

    `bias_gradient` also writes the sum of an operand over k, f32: m elements `of a`, or n `of b`. Where the operand is the gradient of a layer's
    result, `c` is that of its weights and this that of its bias. For one matrix with an f32 result, no bias and no activation.

    With `tf32` the library may round `a` and `b`, which are f32, to 10 bits of mantissa.

    ```mlir
    exec.gemm f32 [1, 1, 64, 128, 784] %x by [0, 0, 784, 1], %w by [0, 0, 1, 784] -> %h by [0, 0, 128, 1]
      bias(%b : !exec.buffer<512>) activation relu : !exec.buffer<200704>, !exec.buffer<401408> -> !exec.buffer<32768>
    exec.gemm f32 [1, 1, 784, 128, 64] %x by [0, 0, 1, 784], %g by [0, 0, 128, 1] -> %dw by [0, 0, 128, 1]
      bias_gradient(%db : !exec.buffer<512> of b) : !exec.buffer<200704>, !exec.buffer<32768> -> !exec.buffer<401408>
    ```
  }];
  let arguments = (ins TypeAttr:$elementType, OptionalAttr<TypeAttr>:$wideType, UnitAttr:$tf32, DenseI64ArrayAttr:$sizes,
                       Exec_Buffer:$a, DefaultValuedAttr<I64Attr, "0">:$aOffset, DenseI64ArrayAttr:$aStrides,
                       Exec_Buffer:$b, DefaultValuedAttr<I64Attr, "0">:$bOffset, DenseI64ArrayAttr:$bStrides,
                       Exec_Buffer:$c, DefaultValuedAttr<I64Attr, "0">:$cOffset, DenseI64ArrayAttr:$cStrides,
                       Optional<Exec_Buffer>:$bias, OptionalAttr<TypeAttr>:$narrowBiasType,
                       DefaultValuedAttr<Exec_ActivationAttr, "::dlc::exec::Activation::None">:$activation,
                       Optional<Exec_Buffer>:$residual,
                       Optional<Exec_Buffer>:$biasGradient, OptionalAttr<Exec_GemmOperandAttr>:$biasGradientOf,
                       Optional<Exec_Buffer>:$workspace);
  let assemblyFormat = [{
    $elementType (`to` $wideType^)? (`tf32` $tf32^)? $sizes $a (`at` $aOffset^)? `by` $aStrides `,` $b (`at` $bOffset^)? `by` $bStrides
    `->` $c (`at` $cOffset^)? `by` $cStrides
    (`bias` `(` $bias^ `:` type($bias) (`of` $narrowBiasType^)? `)`)? (`activation` $activation^)?
    (`residual` `(` $residual^ `:` type($residual) `)`)?
    (`bias_gradient` `(` $biasGradient^ `:` type($biasGradient) `of` $biasGradientOf `)`)? (`workspace` `(` $workspace^ `:` type($workspace) `)`)?
    attr-dict `:` type($a) `,` type($b) `->` type($c)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The element type of `c` and of the residual.
    ::mlir::Type getResultType() { return getWideType().value_or(getElementType()); }
    /// Bytes of an element of the bias.
    uint64_t getBiasWidth() { return getNarrowBiasType() ? getNarrowBiasType()->getIntOrFloatBitWidth() / 8 : sizeof(float); }
    /// How many elements the bias gradient has.
    int64_t getBiasGradientSize() { return getSizes()[getBiasGradientOf() == ::dlc::exec::GemmOperand::A ? 2 : 3]; }
  }];
}

def Exec_ConvOp : Exec_InstructionOp<"conv", [AttrSizedOperandSegments, DeclareOpInterfaceMethods<Exec_Instruction>]> {
  let summary = "a channels-last convolution, or one of its gradients, by the library";
  let description = [{
    `src` [N, …in, C], `weights` [O, C / groups, …kernel], `dst` [N, …out, O], 1 to 3 spatial dims. `forward` writes `dst`, `backward_data`
    `src`, and `backward_weights` `weights`, and the bias's gradient if given. Forward adds the bias, then the residual, then applies the activation. The residual
    is never the place of `dst`: the library would start its sums from it, and round them otherwise than an addition after them.
    With `tf32` the library may round what it multiplies, which is f32, to 10 bits of mantissa.
  }];
  let arguments = (ins Exec_ConvKindAttr:$kind, UnitAttr:$tf32,
                       Exec_Buffer:$src, Exec_TensorType:$srcType, Exec_Buffer:$weights, Exec_TensorType:$weightsType,
                       Exec_Buffer:$dst, Exec_TensorType:$dstType,
                       DenseI64ArrayAttr:$strides, DenseI64ArrayAttr:$dilations, DenseI64ArrayAttr:$padsBegin, DenseI64ArrayAttr:$padsEnd,
                       DefaultValuedAttr<I64Attr, "1">:$groups, Optional<Exec_Buffer>:$bias,
                       DefaultValuedAttr<Exec_ActivationAttr, "::dlc::exec::Activation::None">:$activation,
                       Optional<Exec_Buffer>:$residual, Optional<Exec_Buffer>:$workspace);
  let assemblyFormat = [{
    $kind (`tf32` $tf32^)? $src `as` $srcType `,` $weights `as` $weightsType `,` $dst `as` $dstType
    `strides` $strides `dilations` $dilations `pads` $padsBegin $padsEnd (`groups` $groups^)?
    (`bias` `(` $bias^ `:` type($bias) `)`)? (`activation` $activation^)?
    (`residual` `(` $residual^ `:` type($residual) `)`)? (`workspace` `(` $workspace^ `:` type($workspace) `)`)?
    attr-dict `:` type($src) `,` type($weights) `,` type($dst)
  }];
  let hasVerifier = 1;
}

def Exec_AttentionOp : Exec_InstructionOp<"attention", [AttrSizedOperandSegments, DeclareOpInterfaceMethods<Exec_Instruction>]> {
  let summary = "attention, or its gradients, by the library";
  let description = [{
    `out = softmax(scale q k^T + mask) v` per batch item and head; `lse` is ln of the sum of e^score per row, [batch, heads, rows] without gaps,
    f32 or f64. `backward` reads both with `grad`, the gradient of `out`, and writes `dq`, `dk` and `dv`.

    `sizes` is [batch, heads, rows, keys, depth, width]. `by` is [offset, batch, head, row]: where the first element is and the strides,
    in elements; columns follow each other. So queries, keys and values can be parts of one tensor, and gradients, too. The mask's `by` has the
    stride of keys at the end; its strides are 0 where it is repeated. Booleans (i1) say which keys are seen, numbers are added to the scores.
    With `causal`, row i sees keys 0 to i.

    ```mlir
    exec.attention forward f32 [4, 12, 64, 64, 64, 64] scale 1.25e-1 causal q %h by [0, 147456, 64, 2304]
      k %h by [768, 147456, 64, 2304] v %h by [1536, 147456, 64, 2304] out %o by [0, 49152, 64, 768] lse %l
      : !exec.buffer<2359296>, !exec.buffer<2359296>, !exec.buffer<2359296>, !exec.buffer<786432>, !exec.buffer<12288>
    ```
  }];
  let arguments = (ins Exec_AttentionKindAttr:$kind, TypeAttr:$elementType, DenseI64ArrayAttr:$sizes, F64Attr:$scale, UnitAttr:$causal,
                       Exec_Buffer:$q, DenseI64ArrayAttr:$qLayout, Exec_Buffer:$k, DenseI64ArrayAttr:$kLayout,
                       Exec_Buffer:$v, DenseI64ArrayAttr:$vLayout, Exec_Buffer:$output, DenseI64ArrayAttr:$outputLayout,
                       Exec_Buffer:$logsumexp,
                       Optional<Exec_Buffer>:$mask, OptionalAttr<TypeAttr>:$maskType, OptionalAttr<DenseI64ArrayAttr>:$maskLayout,
                       Optional<Exec_Buffer>:$grad, OptionalAttr<DenseI64ArrayAttr>:$gradLayout,
                       Optional<Exec_Buffer>:$dq, OptionalAttr<DenseI64ArrayAttr>:$dqLayout,
                       Optional<Exec_Buffer>:$dk, OptionalAttr<DenseI64ArrayAttr>:$dkLayout,
                       Optional<Exec_Buffer>:$dv, OptionalAttr<DenseI64ArrayAttr>:$dvLayout,
                       Optional<Exec_Buffer>:$workspace);
  let assemblyFormat = [{
    $kind $elementType $sizes `scale` $scale (`causal` $causal^)? `q` $q `by` $qLayout `k` $k `by` $kLayout `v` $v `by` $vLayout
    `out` $output `by` $outputLayout `lse` $logsumexp
    (`mask` `(` $mask^ `:` type($mask) `of` $maskType `by` $maskLayout `)`)?
    (`grad` `(` $grad^ `:` type($grad) `by` $gradLayout `)`)? (`dq` `(` $dq^ `:` type($dq) `by` $dqLayout `)`)?
    (`dk` `(` $dk^ `:` type($dk) `by` $dkLayout `)`)? (`dv` `(` $dv^ `:` type($dv) `by` $dvLayout `)`)?
    (`workspace` `(` $workspace^ `:` type($workspace) `)`)?
    attr-dict `:` type($q) `,` type($k) `,` type($v) `,` type($output) `,` type($logsumexp)
  }];
  let hasVerifier = 1;
}

def Exec_CopyOp : Exec_InstructionOp<"copy", [DeclareOpInterfaceMethods<Exec_Instruction>]> {
  let summary = "copies bytes from one place to another";
  let arguments = (ins Exec_Buffer:$source, DefaultValuedAttr<I64Attr, "0">:$sourceOffset,
                       Exec_Buffer:$target, DefaultValuedAttr<I64Attr, "0">:$targetOffset, I64Attr:$bytes);
  let assemblyFormat = [{
    $source (`at` $sourceOffset^)? `->` $target (`at` $targetOffset^)? `bytes` $bytes attr-dict
    `:` type($source) `->` type($target)
  }];
  let hasVerifier = 1;
}

def Exec_TransferOp : Exec_InstructionOp<"transfer", [SameTypeOperands, DeclareOpInterfaceMethods<Exec_Instruction>]> {
  let summary = "begins to copy a place of one arena to one of the other";
  let description = [{
    Between arena and host arena, whole places. What comes next runs beside the copy: until the `exec.wait` on the same two places, nothing
    reads or writes the target, and nothing writes the source.

    ```mlir
    exec.transfer %h -> %saved : !exec.buffer<4096>
    exec.launch @mlp_91c2(%x) -> (%y) : (!exec.buffer<64>) -> (!exec.buffer<64>)
    exec.wait %h -> %saved : !exec.buffer<4096>
    ```
  }];
  let arguments = (ins Exec_Buffer:$source, Exec_Buffer:$target);
  let assemblyFormat = "$source `->` $target attr-dict `:` type($source)";
  let hasVerifier = 1;
}

def Exec_WaitOp : Exec_InstructionOp<"wait", [SameTypeOperands, DeclareOpInterfaceMethods<Exec_Instruction>]> {
  let summary = "the copy that a transfer began is complete";
  let arguments = (ins Exec_Buffer:$source, Exec_Buffer:$target);
  let assemblyFormat = "$source `->` $target attr-dict `:` type($source)";
  let hasVerifier = 1;
}

def Exec_FillOp : Exec_InstructionOp<"fill", [DeclareOpInterfaceMethods<Exec_Instruction>]> {
  let summary = "repeats the low bytes of a pattern over a place";
  let arguments = (ins Exec_Buffer:$target, I64Attr:$pattern, I64Attr:$patternBytes);
  let assemblyFormat = "$target `with` $pattern `of` $patternBytes attr-dict `:` type($target)";
  let hasVerifier = 1;
}

#endif
