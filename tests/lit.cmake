# The tests that lit runs: tests/**/*.mlir, and those made of the examples in the .td files. ctest runs both as one
# entry each; `lit-22 -v build/tests --filter NAME` runs some.
find_program(DLC_LIT NAMES lit-${DLC_LLVM_VERSION} lit REQUIRED)
find_package(Python3 REQUIRED COMPONENTS Interpreter)

set(examples ${CMAKE_CURRENT_BINARY_DIR}/examples)
configure_file(lit.site.cfg.py.in ${CMAKE_CURRENT_BINARY_DIR}/lit.site.cfg.py @ONLY)
configure_file(lit.examples.cfg.py.in ${examples}/lit.site.cfg.py @ONLY)

file(GLOB pass_files CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/compiler/*/Passes.td
  ${CMAKE_SOURCE_DIR}/passes/*/Passes.td)
set(generator ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tools/dev/gen_examples.py)
set(op_examples ops dialects/dlc/IR/DlcOps.td --llvm ${DLC_LLVM_ROOT})
set(pass_examples passes ${pass_files} --llvm ${DLC_LLVM_ROOT})
set(op_page docs/reference/dlc-dialect.md)
set(pass_page docs/reference/passes.md)

add_test(NAME examples.generate-ops
  COMMAND ${generator} ${op_examples} --tests ${examples}/dlc --docs ${op_page} --check
  WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
add_test(NAME examples.generate-passes
  COMMAND ${generator} ${pass_examples} --tests ${examples}/passes --docs ${pass_page} --check
  WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
set_tests_properties(examples.generate-ops examples.generate-passes PROPERTIES FIXTURES_SETUP examples)
add_test(NAME examples.lit COMMAND ${DLC_LIT} -q ${examples})
set_tests_properties(examples.lit PROPERTIES FIXTURES_REQUIRED examples)
add_test(NAME lit COMMAND ${DLC_LIT} -v ${CMAKE_CURRENT_BINARY_DIR} --filter-out "^examples/")

# Rewrites the generated pages: reference, tour.
add_custom_target(dlc-docs
  COMMAND ${generator} ${op_examples} --docs ${op_page}
  COMMAND ${generator} ${pass_examples} --docs ${pass_page}
  COMMAND ${CMAKE_COMMAND} -E env DLC_WRITE_COVERAGE=1 $<TARGET_FILE:CoverageTests>
  COMMAND ${CMAKE_COMMAND} -E env DLC_UPDATE_DOCS=1 $<TARGET_FILE:CommandLineTest>
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tools/dev/gen_tour.py --build ${CMAKE_BINARY_DIR} --llvm ${DLC_LLVM_ROOT}
  WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
add_dependencies(dlc-docs CoverageTests CommandLineTest dlc)
