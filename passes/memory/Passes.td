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

def PlanMemoryPass : DlcPass<"dlc-plan-memory", "::mlir::ModuleOp"> {
  let summary = "Give every place of a plan its offset in the arena";
  let description = [{
    A place lives from the first to the last instruction that touches it, an input from the start, an output to the end. Places that live at
    one time do not overlap; best fit by size and by lifetime, the better one kept (PlanMemory.h). Results are written over operands that
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
