# The one place that pins LLVM and MLIR.
set(DLC_LLVM_VERSION 22 CACHE STRING "major version of LLVM and MLIR")
set(DLC_LLVM_ROOT "/usr/lib/llvm-${DLC_LLVM_VERSION}" CACHE PATH "where that LLVM is installed")
find_package(MLIR REQUIRED CONFIG PATHS "${DLC_LLVM_ROOT}/lib/cmake/mlir" NO_DEFAULT_PATH)
list(APPEND CMAKE_MODULE_PATH "${MLIR_CMAKE_DIR}" "${LLVM_CMAKE_DIR}")
include(TableGen)
include(AddLLVM)
include(AddMLIR)
