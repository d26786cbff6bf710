//===- Train.cpp - dlc train ----------------------------------------------===//
//
// From a model and data to trained weights: fit the data to the model, compile
// for the batch, check the data, train, evaluate, save.
//
//===----------------------------------------------------------------------===//
#include "tools/dlc/TrainRun.h"

#include "tools/support/Failure.h"
#include "tools/support/Text.h"

namespace dlc::tools {

static void addRunOptions(CLI::App &command, TrainFlags &flags) {
  command
      .add_option("--data", flags.data,
                  "samples: .npz, .npy, .safetensors, or a folder of .npy")
      ->required();
  command.add_option("--eval", flags.eval,
                     "samples to evaluate on after every epoch");
  auto *epochs =
      command.add_option("--epochs", flags.epochs, "passes over the data [1]");
  epochs->check(CLI::PositiveNumber);
  command.add_option("--steps", flags.steps, "updates, instead of epochs")
      ->check(CLI::PositiveNumber)
      ->excludes(epochs);
  command
      .add_option("--lr", flags.lr,
                  "learning rate [adam, adamw 1e-3; sgd, momentum, adafactor "
                  "1e-2; lion 1e-4]")
      ->check(CLI::NonNegativeNumber);
  command.add_option("--schedule", flags.schedule,
                     "constant, cosine[:min=F], linear[:min=F] or "
                     "step[:every=N,factor=F] [constant]");
  command
      .add_option("--warmup", flags.warmup,
                  "updates over which the learning rate rises [0]")
      ->check(CLI::NonNegativeNumber);
  command.add_option("--seed", flags.seed,
                     "of the order of samples and of dropout [0]");
  command
      .add_option("--max-skips", flags.mostSkips,
                  "with --trace-nonfinite and a loss scale: steps in a row that "
                  "may be left out because gradients overflow [20]")
      ->check(CLI::PositiveNumber);
  command.add_flag("--no-shuffle", flags.isInOrder,
                   "take the samples in file order");
}

void addTrain(CLI::App &app) {
  auto flags = std::make_shared<TrainFlags>();
  CLI::App *command = app.add_subcommand("train", "Train a model on data");
  command->add_option("MODEL", flags->model, "an .onnx file, or an artifact")
      ->required();
  addRunOptions(*command, *flags);
  auto *checkpoint = command->add_option(
      "--checkpoint", flags->checkpoint,
      "folder that gets a checkpoint after every epoch and at the end");
  command
      ->add_option("--checkpoint-every", flags->checkpointEvery,
                   "updates between checkpoints [an epoch]")
      ->check(CLI::PositiveNumber)
      ->needs(checkpoint);
  command
      ->add_flag("--resume", flags->isResumed,
                 "go on from the newest checkpoint there, if there is one")
      ->needs(checkpoint);
  command
      ->add_option("--save", flags->save,
                   "trained weights: OUT.onnx or OUT.safetensors; may be "
                   "repeated")
      ->allow_extra_args(false);
  command->add_option("--log", flags->log,
                      "one JSON object per step and evaluation, OUT.jsonl");
  command->add_option("--trace", flags->trace,
                      "write a time line of updates 4 to 8 to FILE.json, for "
                      "ui.perfetto.dev or chrome://tracing");
  command->add_flag("--json", flags->isJson, "print one JSON document");
  flags->compile.add(*command, /*withEntries=*/false);
  command->callback([flags] { TrainRun(*flags).run(); });
}

} // namespace dlc::tools
