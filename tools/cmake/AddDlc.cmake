# Thin wrappers that keep every CMakeLists.txt of the tree to a list of names.

add_library(dlc_options INTERFACE)
target_compile_options(dlc_options INTERFACE -Wall -Wextra -Wno-unused-parameter -Wno-comment)
if(DLC_WERROR)
  target_compile_options(dlc_options INTERFACE -Werror)
endif()
if(DLC_SANITIZE)
  target_compile_options(dlc_options INTERFACE -fsanitize=${DLC_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(dlc_options INTERFACE -fsanitize=${DLC_SANITIZE})
endif()
find_program(DLC_LLD NAMES ld.lld-22 ld.lld)
if(DLC_LLD AND NOT DEFINED DLC_LINKER)
  if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
    target_link_options(dlc_options INTERFACE --ld-path=${DLC_LLD})
  endif()
endif()

# add_dlc_library(NAME SOURCES a.cpp … [LINK lib …] [DEPENDS target …])   a static library that needs no LLVM
function(add_dlc_library NAME)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;DEPENDS" ${ARGN})
  add_library(${NAME} STATIC ${ARG_SOURCES})
  target_link_libraries(${NAME} PUBLIC ${ARG_LINK} PRIVATE dlc_options)
  if(ARG_DEPENDS)
    add_dependencies(${NAME} ${ARG_DEPENDS})
  endif()
endfunction()

# Like add_dlc_library, against libMLIR and libLLVM. Every such library waits for all generated headers of the
# dialects and passes (dlc_generated), so that no list of dependencies can be wrong.
function(add_dlc_mlir_library NAME)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;DEPENDS" ${ARGN})
  add_library(${NAME} STATIC ${ARG_SOURCES})
  target_include_directories(${NAME} SYSTEM PUBLIC ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS})
  target_compile_options(${NAME} PRIVATE -O1)
  target_link_libraries(${NAME} PUBLIC ${ARG_LINK} MLIR LLVM PRIVATE dlc_options)
  add_dependencies(${NAME} dlc_generated ${ARG_DEPENDS})
  set_property(GLOBAL APPEND PROPERTY DLC_MLIR_LIBRARIES ${NAME})
endfunction()

# add_dlc_tool(NAME SOURCES … LINK …)   an executable in build/bin
function(add_dlc_tool NAME)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${NAME} ${ARG_SOURCES})
  target_link_libraries(${NAME} PRIVATE ${ARG_LINK} dlc_options)
endfunction()

# add_dlc_unittest(NAME SOURCES … LINK …)   a GoogleTest binary, one ctest entry per test
function(add_dlc_unittest NAME)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  find_package(GTest REQUIRED)
  include(GoogleTest)
  add_executable(${NAME} ${ARG_SOURCES})
  target_link_libraries(${NAME} PRIVATE ${ARG_LINK} GTest::gtest_main dlc_options)
  gtest_discover_tests(${NAME} DISCOVERY_TIMEOUT 60)
endfunction()

add_custom_target(dlc_generated)

# dlc_tablegen(INPUT.td OUTPUT.inc -gen-…  [OUTPUT2.inc -gen-…])   into the same folder of the build tree
function(dlc_tablegen INPUT)
  set(LLVM_TARGET_DEFINITIONS ${INPUT})
  set(rest ${ARGN})
  set(outputs)
  while(rest)
    list(POP_FRONT rest output generator)
    mlir_tablegen(${output} ${generator} EXTRA_INCLUDES ${CMAKE_SOURCE_DIR} ${MLIR_INCLUDE_DIRS})
    list(APPEND outputs ${CMAKE_CURRENT_BINARY_DIR}/${output})
  endwhile()
  string(MD5 id "${CMAKE_CURRENT_SOURCE_DIR}/${INPUT}")
  add_custom_target(dlc_tablegen_${id} DEPENDS ${outputs})
  add_dependencies(dlc_generated dlc_tablegen_${id})
endfunction()
