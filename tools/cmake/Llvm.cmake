# The one place that pins LLVM and MLIR.
set(DLC_LLVM_VERSION 22 CACHE STRING "major version of LLVM and MLIR")
set(DLC_LLVM_ROOT "/usr/lib/llvm-${DLC_LLVM_VERSION}" CACHE PATH "where that LLVM is installed")
find_package(MLIR REQUIRED CONFIG PATHS "${DLC_LLVM_ROOT}/lib/cmake/mlir" NO_DEFAULT_PATH)
list(APPEND CMAKE_MODULE_PATH "${MLIR_CMAKE_DIR}" "${LLVM_CMAKE_DIR}")
include(TableGen)
include(AddLLVM)
include(AddMLIR)

# What the libraries of the compiler link: LLVM's and MLIR's shared libraries or, in a program with the property DLC_STATIC,
# their archives, of which the linker takes what is used.
add_library(dlc_llvm INTERFACE)
file(GLOB archives "${LLVM_LIBRARY_DIR}/libMLIR*.a" "${LLVM_LIBRARY_DIR}/libLLVM*.a")
set(is_static "$<BOOL:$<TARGET_PROPERTY:DLC_STATIC>>")
target_link_libraries(dlc_llvm INTERFACE
  "$<$<NOT:${is_static}>:MLIR;LLVM>" "$<${is_static}:${archives};z;zstd>")
