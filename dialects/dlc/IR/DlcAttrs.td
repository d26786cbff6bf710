#ifndef DLC_ATTRS_TD
#define DLC_ATTRS_TD

include "dialects/dlc/IR/DlcDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

def Dlc_ComparePredicate : I32EnumAttr<"ComparePredicate", "how two numbers compare", [
    I32EnumAttrCase<"EQ", 0, "eq">, I32EnumAttrCase<"NE", 1, "ne">, I32EnumAttrCase<"LT", 2, "lt">,
    I32EnumAttrCase<"LE", 3, "le">, I32EnumAttrCase<"GT", 4, "gt">, I32EnumAttrCase<"GE", 5, "ge">]> {
  let cppNamespace = "::dlc";
  let genSpecializedAttr = 0;
}
def Dlc_ComparePredicateAttr : EnumAttr<Dlc_Dialect, Dlc_ComparePredicate, "predicate"> {
  let assemblyFormat = "$value";
}

/// How a kernel walks its data. `rows` and `cols` partition the dims of the domain.
def Dlc_ScheduleKind : I32EnumAttr<"ScheduleKind", "how a kernel walks its data", [
    I32EnumAttrCase<"Map", 0, "map">, I32EnumAttrCase<"Row", 1, "row">, I32EnumAttrCase<"Column", 2, "column">,
    I32EnumAttrCase<"Transpose", 3, "transpose">, I32EnumAttrCase<"Scatter", 4, "scatter">,
    I32EnumAttrCase<"Scan", 5, "scan">, I32EnumAttrCase<"List", 6, "list">,
    I32EnumAttrCase<"Contract", 7, "contract">, I32EnumAttrCase<"Attention", 8, "attention">,
    I32EnumAttrCase<"Mixed", 9, "mixed">]> {
  let cppNamespace = "::dlc";
  let genSpecializedAttr = 0;
}

def Dlc_ScheduleAttr : AttrDef<Dlc_Dialect, "Schedule"> {
  let mnemonic = "schedule";
  let summary = "A kernel's schedule: its kind, the shape of its domain, and which dims of the domain are columns";
  let parameters = (ins EnumParameter<Dlc_ScheduleKind>:$kind,
                        ArrayRefParameter<"int64_t">:$domain,
                        OptionalArrayRefParameter<"int64_t">:$cols);
  let assemblyFormat = "`<` $kind `,` custom<Domain>($domain) (`,` `cols` `=` `[` $cols^ `]`)? `>`";
}

#endif
