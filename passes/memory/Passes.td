#ifndef DLC_PASSES_MEMORY_PASSES_TD
#define DLC_PASSES_MEMORY_PASSES_TD

include "passes/PassBase.td"

def ElideCopiesPass : DlcPass<"dlc-elide-copies", "::mlir::ModuleOp"> {
  let summary = "Write new values of states where the old ones are";
  let description = [{
    Lowering writes the new value of a state into a buffer and copies it into the state at the end. Where one instruction writes that buffer,
    nothing touches the state afterwards, and the instruction reads of the old value only the element that it then overwrites, it writes the
    state itself: no copy, no buffer. Before `dlc-schedule`, because the buffers of new states would look like memory in use.
  }];
  let statistics = [Statistic<"numElided", "copies", "Number of copies that vanished">];
  let before = [{
    exec.variable "w" parameter : tensor<2x3xf32> at 0 trained
    exec.kernel @neg_1 cost [6, 24, 24] {
    ^bb0(%a: tensor<2x3xf32>):
      %0 = dlc.kernel "neg" <map, [2, 3]> (%a) : (tensor<2x3xf32>) -> tensor<2x3xf32> {
      ^bb0(%b: tensor<2x3xf32>):
        %1 = dlc.neg %b : tensor<2x3xf32>
        dlc.yield %1 : tensor<2x3xf32>
      }
    }
    exec.program @step {
      %w = exec.state "w" : !exec.buffer<24>
      %n = exec.buffer activation : !exec.buffer<24>
      exec.launch @neg_1(%w) -> (%n) : (!exec.buffer<24>) -> (!exec.buffer<24>)
      exec.copy %n -> %w bytes 24 : !exec.buffer<24> -> !exec.buffer<24>
    }
  }];
  let after = [{
    exec.variable "w" parameter : tensor<2x3xf32> at 0 trained
    exec.kernel @neg_1 cost [6, 24, 24] {
    ^bb0(%a: tensor<2x3xf32>):
      %0 = dlc.kernel "neg" <map, [2, 3]> (%a) : (tensor<2x3xf32>) -> tensor<2x3xf32> {
      ^bb0(%b: tensor<2x3xf32>):
        %1 = dlc.neg %b : tensor<2x3xf32>
        dlc.yield %1 : tensor<2x3xf32>
      }
    }
    exec.program @step {
      %w = exec.state "w" : !exec.buffer<24>
      exec.launch @neg_1(%w) -> (%w) : (!exec.buffer<24>) -> (!exec.buffer<24>)
    }
  }];
}

def OffloadPass : DlcPass<"dlc-offload", "::mlir::ModuleOp"> {
  let summary = "Keep idle activations and optimizer state in the host arena";
  let description = [{
    An activation that lies idle where most bytes live is copied to the host arena after its last use before, and back ahead of its next use; the largest
    first, until `limit` (bytes of the arena, states included) holds or nothing idle is left where most bytes live. With `optimizer`,
    optimizer states live in the host arena and visit the arena while they are used. A transfer begins `distance`
    instructions before it is waited for. After `dlc-schedule`, because idleness follows from the order; before `dlc-plan-memory`.
  }];
  let options = [
    Option<"activations", "activations", "bool", "true", "move idle activations">,
    Option<"optimizer", "optimizer", "bool", "false", "keep optimizer state on the host">,
    Option<"limit", "limit", "uint64_t", "0", "bytes of the arena and the constants to come down to; 0: as few as this gives">,
    Option<"distance", "distance", "int64_t", "2", "instructions from a transfer to its wait">
  ];
  let statistics = [Statistic<"numMoved", "moved", "Number of places that went to the host">];
  let exampleOptions = "optimizer=true distance=1";
  let before = [{
    exec.variable "w" parameter : tensor<16xf32> at 0 trained
    exec.variable "adamw.m/w" optimizer : tensor<16xf32> at 64
    exec.program @step {
      %m = exec.state "adamw.m/w" : !exec.buffer<64>
      %a = exec.buffer activation "a" : !exec.buffer<64>
      %b = exec.buffer activation "b" : !exec.buffer<64>
      exec.fill %a with 0 of 4 : !exec.buffer<64>
      exec.fill %b with 0 of 4 : !exec.buffer<64>
      exec.copy %b -> %m bytes 64 : !exec.buffer<64> -> !exec.buffer<64>
    }
  }];
  let after = [{
    exec.variable "w" parameter : tensor<16xf32> at 0 trained
    exec.variable "adamw.m/w" optimizer : tensor<16xf32> at 0 host
    exec.program @step {
      %m = exec.state "adamw.m/w" host : !exec.buffer<64>
      %guest = exec.buffer workspace "adamw.m/w" : !exec.buffer<64>
      %a = exec.buffer activation "a" : !exec.buffer<64>
      %b = exec.buffer activation "b" : !exec.buffer<64>
      exec.fill %a with 0 of 4 : !exec.buffer<64>
      exec.transfer %m -> %guest : !exec.buffer<64>
      exec.fill %b with 0 of 4 : !exec.buffer<64>
      exec.wait %m -> %guest : !exec.buffer<64>
      exec.copy %b -> %guest bytes 64 : !exec.buffer<64> -> !exec.buffer<64>
      exec.transfer %guest -> %m : !exec.buffer<64>
      exec.wait %guest -> %m : !exec.buffer<64>
    }
  }];
}

def PlanMemoryPass : DlcPass<"dlc-plan-memory", "::mlir::ModuleOp"> {
  let summary = "Give every place of a plan its offset in the arena";
  let description = [{
    A place lives from the first to the last instruction that touches it, an input from the start, an output to the end. Places that live at
    one time do not overlap; best fit in four orders, the best one kept (PlanMemory.h). Results are written over operands that
    die there, if the kernel reads each element where it writes it, and if that makes the arena smaller. `arena` of each program is then
    its size, states included. After `dlc-schedule`, because the order decides what lives together. Quadratic in the places, with a small
    constant.
  }];
  let statistics = [Statistic<"numShared", "shared", "Number of results written over an operand">];
  let before = [{
    exec.program @infer {
      %x = exec.argument "x" : tensor<16xf32> -> !exec.buffer<64>
      %y = exec.buffer output : !exec.buffer<64>
      exec.copy %x -> %y bytes 64 : !exec.buffer<64> -> !exec.buffer<64>
      exec.output "y" %y : tensor<16xf32>, !exec.buffer<64>
    }
  }];
  let after = [{
    exec.program @infer arena(128) {
      %x = exec.argument "x" : tensor<16xf32> at 0 -> !exec.buffer<64>
      %y = exec.buffer output at 64 : !exec.buffer<64>
      exec.copy %x -> %y bytes 64 : !exec.buffer<64> -> !exec.buffer<64>
      exec.output "y" %y : tensor<16xf32>, !exec.buffer<64>
    }
  }];
}

#endif
