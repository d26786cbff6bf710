#ifndef DLC_PASSES_SCHEDULE_PASSES_TD
#define DLC_PASSES_SCHEDULE_PASSES_TD

include "passes/PassBase.td"

def SchedulePass : DlcPass<"dlc-schedule", "::mlir::ModuleOp"> {
  let summary = "Order instructions for the least peak of memory";
  let description = [{
    Tries several orders that keep every dependence (a read after the write it sees, a write after the reads before it), and takes the one
    with the least bytes in use at one time; the order it found wins ties:

    - the order of the program;
    - a list schedule that always takes the ready instruction that frees most and allocates least, in two forms: ties by the program's
      order, and ties by its reverse;
    - the order of the program, but what frees memory, or takes next to none, as soon as it is ready: an update of a parameter does not
      wait for the gradients of others;
    - depth first from the program's last instruction back, so that what is read soon is computed late.

    After `dlc-elide-copies`, because a new state in place is no memory. Linear in the program, times the instructions that are ready at
    one time.
  }];
  let statistics = [Statistic<"numReordered", "programs", "Number of programs whose order changed">];
  let before = [{
    exec.program @p {
      %x = exec.argument "x" : tensor<64xf32> -> !exec.buffer<256>
      %a = exec.buffer activation : !exec.buffer<256>
      %b = exec.buffer activation : !exec.buffer<256>
      %s = exec.buffer output : !exec.buffer<64>
      %t = exec.buffer output : !exec.buffer<64>
      exec.copy %x -> %a bytes 256 : !exec.buffer<256> -> !exec.buffer<256>
      exec.copy %x -> %b bytes 256 : !exec.buffer<256> -> !exec.buffer<256>
      exec.copy %a -> %s bytes 64 : !exec.buffer<256> -> !exec.buffer<64>
      exec.copy %b -> %t bytes 64 : !exec.buffer<256> -> !exec.buffer<64>
      exec.output "s" %s : tensor<16xf32>, !exec.buffer<64>
      exec.output "t" %t : tensor<16xf32>, !exec.buffer<64>
    }
  }];
  let after = [{
    exec.program @p {
      %x = exec.argument "x" : tensor<64xf32> -> !exec.buffer<256>
      %a = exec.buffer activation : !exec.buffer<256>
      %b = exec.buffer activation : !exec.buffer<256>
      %s = exec.buffer output : !exec.buffer<64>
      %t = exec.buffer output : !exec.buffer<64>
      exec.copy %x -> %a bytes 256 : !exec.buffer<256> -> !exec.buffer<256>
      exec.copy %a -> %s bytes 64 : !exec.buffer<256> -> !exec.buffer<64>
      exec.copy %x -> %b bytes 256 : !exec.buffer<256> -> !exec.buffer<256>
      exec.copy %b -> %t bytes 64 : !exec.buffer<256> -> !exec.buffer<64>
      exec.output "s" %s : tensor<16xf32>, !exec.buffer<64>
      exec.output "t" %t : tensor<16xf32>, !exec.buffer<64>
    }
  }];
}

#endif
