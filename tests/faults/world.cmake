# The simulated world as a library: include() this wherever tests use it.
include_guard(GLOBAL)
include(${CMAKE_SOURCE_DIR}/tests/fakes/fakes.cmake)
find_package(GTest REQUIRED)
modelrun_library(world ${CMAKE_SOURCE_DIR}/tests/faults/world.cc ${CMAKE_SOURCE_DIR}/tests/faults/node.cc
  ${CMAKE_SOURCE_DIR}/tests/faults/process.cc)
target_include_directories(modelrun_world PUBLIC ${CMAKE_SOURCE_DIR}/tests)
target_link_libraries(modelrun_world PUBLIC modelrun::controller modelrun::source_git modelrun::fakes GTest::gtest)
