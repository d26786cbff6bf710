#ifndef DLC_OPS_TD
#define DLC_OPS_TD

include "dialects/dlc/IR/ops/Elementwise.td"
include "dialects/dlc/IR/ops/Shape.td"
include "dialects/dlc/IR/ops/Reduction.td"
include "dialects/dlc/IR/ops/Contraction.td"
include "dialects/dlc/IR/ops/Normalization.td"
include "dialects/dlc/IR/ops/Attention.td"
include "dialects/dlc/IR/ops/Index.td"
include "dialects/dlc/IR/ops/Window.td"
include "dialects/dlc/IR/ops/Random.td"
include "dialects/dlc/IR/ops/Loss.td"
include "dialects/dlc/IR/ops/Kernel.td"

#endif
