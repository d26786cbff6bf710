# Installs BUILD into a fresh prefix, builds the consumers against it, runs them.
set(work ${BUILD}/tests/install/work)
file(REMOVE_RECURSE ${work})
file(MAKE_DIRECTORY ${work}/data)

function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE status
    OUTPUT_VARIABLE text ERROR_VARIABLE text)
  message(STATUS "${text}")
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "failed (${status}): ${ARGV}")
  endif()
  set(text "${text}" PARENT_SCOPE)
endfunction()

run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${work}/prefix)
run(${CMAKE_COMMAND} -G ${GENERATOR} -S ${SOURCE}/tests/install/consumer
  -B ${work}/build -DCMAKE_PREFIX_PATH=${work}/prefix
  -DCMAKE_C_COMPILER=${C_COMPILER} -DCMAKE_CXX_COMPILER=${CXX_COMPILER}
  -DDLC_EXAMPLE=${SOURCE}/docs/examples/train_c)
run(${CMAKE_COMMAND} --build ${work}/build)
run(${WRITER} ${work}/data)
run(${work}/build/consumer ${work}/data/linear.dlc)
run(${work}/build/train_c/train_c ${work}/data/linear.dlc ${work}/data/data.npz
  20 0.002 ${work}/data/weights.safetensors)
string(REGEX MATCH "epoch 1: loss ([0-9.]+)" unused "${text}")
set(first ${CMAKE_MATCH_1})
string(REGEX MATCH "epoch 20: loss ([0-9.]+)" unused "${text}")
if(NOT CMAKE_MATCH_1 LESS first)
  message(FATAL_ERROR "loss must fall, but got ${first} then ${CMAKE_MATCH_1}")
endif()
if(NOT EXISTS ${work}/data/weights.safetensors)
  message(FATAL_ERROR "the example must write its weights")
endif()
