// Uses the installed C++ wrapper: consumer MODEL.dlc
#include <dlc/runtime.hpp>

#include <cstdio>

int main(int argc, char **argv) try {
  dlc::Program program(argv[argc - 1]);
  dlc::Session session(program, {.seed = 1});
  std::vector<float> x(96 * 40, 0.5f), target(96 * 24, 1.0f);
  float rate = 1e-3f, first = 0, loss = 0;
  for (int i = 0; i < 10; ++i) {
    session.run("step",
                {dlc::tensor("x", x, {96, 40}),
                 dlc::tensor("target", target, {96, 24}),
                 dlc::scalar("lr", rate)},
                {dlc::scalar("loss", loss)});
    first = i == 0 ? loss : first;
  }
  std::printf("loss %g to %g\n", first, loss);
  return loss < first ? 0 : 1;
} catch (const dlc::Error &error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
