# The fakes as a library: include() this wherever tests use them.
include_guard(GLOBAL)
modelrun_library(fakes ${CMAKE_SOURCE_DIR}/tests/fakes/fake_api_server.cc)
target_include_directories(modelrun_fakes PUBLIC ${CMAKE_SOURCE_DIR}/tests)
target_link_libraries(modelrun_fakes PUBLIC modelrun::runtime)
