# What every target of this project shares: warnings as errors, the include root, and the names.

find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)

add_library(modelrun_options INTERFACE)
target_include_directories(modelrun_options INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(modelrun_options INTERFACE
  -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough -Werror)
target_compile_definitions(modelrun_options INTERFACE MODELRUN_VERSION="${PROJECT_VERSION}")
# ThreadSanitizer does not know stand-alone fences (GCC refuses to compile them with it); Asio's are an optimisation.
if("${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_DEBUG}" MATCHES "fsanitize=thread")
  target_compile_definitions(modelrun_options INTERFACE BOOST_ASIO_DISABLE_FENCED_BLOCK)
endif()

# modelrun_library(NAME sources...): a static library modelrun::NAME with the common options.
function(modelrun_library name)
  add_library(modelrun_${name} STATIC ${ARGN})
  add_library(modelrun::${name} ALIAS modelrun_${name})
  target_link_libraries(modelrun_${name} PUBLIC modelrun_options)
endfunction()

# modelrun_test(NAME LIBS libs... SOURCES files...): a GoogleTest program, each TEST a ctest entry. The programs of
# tests/SUITE/ share the target SUITE_tests and the ctest label SUITE, by which hack/test builds and runs them.
function(modelrun_test name)
  cmake_parse_arguments(ARG "" "" "LIBS;SOURCES" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE modelrun_options ${ARG_LIBS} GTest::gmock GTest::gtest_main)
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  file(RELATIVE_PATH suite ${CMAKE_SOURCE_DIR}/tests ${CMAKE_CURRENT_SOURCE_DIR})
  string(REGEX REPLACE "/.*" "" suite ${suite})
  if(NOT TARGET ${suite}_tests)
    add_custom_target(${suite}_tests)
  endif()
  add_dependencies(${suite}_tests ${name})
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES LABELS ${suite} TIMEOUT 600)
endfunction()
