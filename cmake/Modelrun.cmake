# What every target of this project shares: warnings as errors, the include root, and the names.

find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)

add_library(modelrun_options INTERFACE)
target_include_directories(modelrun_options INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(modelrun_options INTERFACE
  -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough
  # GCC's warnings are what the sources are kept free of; Clang compiles them for the fuzz targets only.
  $<$<CXX_COMPILER_ID:GNU>:-Werror>)
target_compile_definitions(modelrun_options INTERFACE MODELRUN_VERSION="${PROJECT_VERSION}")
# ThreadSanitizer does not know stand-alone fences (GCC refuses to compile them with it); Asio's are an optimisation.
if("${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_DEBUG}" MATCHES "fsanitize=thread")
  target_compile_definitions(modelrun_options INTERFACE BOOST_ASIO_DISABLE_FENCED_BLOCK)
endif()

include(${CMAKE_CURRENT_LIST_DIR}/Precompiled.cmake)

# On in the presets that are built as a whole (release, sanitizers); off in `dev`, where a change of one file is to compile
# one file. Names in anonymous namespaces must therefore differ within a library.
option(MODELRUN_UNITY "Compile the files of a library together" OFF)
if(MODELRUN_UNITY)
  # GCC takes a source file that is included for a header, in which types without a name of their own would be a mistake.
  target_compile_options(modelrun_options INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
endif()

# modelrun_together(NAME LIST): replaces the files of the list variable by ones that include up to eight of them each:
# what these instantiate from the same templates is then compiled once. CMake's own UNITY_BUILD includes them by absolute
# paths, so that ccache serves no other checkout.
function(modelrun_together name list)
  set(files)
  set(left ${${list}})
  while(left)
    list(SUBLIST left 0 8 batch)
    set(text "")
    foreach(source IN LISTS batch)
      list(REMOVE_ITEM left ${source})
      get_filename_component(path ${source} ABSOLUTE)
      file(RELATIVE_PATH path ${CMAKE_SOURCE_DIR}/src ${path})
      string(APPEND text "#include \"${path}\"\n")
    endforeach()
    list(LENGTH files number)
    file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${name}_${number}.cc CONTENT "${text}" @ONLY)
    list(APPEND files ${CMAKE_CURRENT_BINARY_DIR}/${name}_${number}.cc)
  endwhile()
  set(${list} ${files} PARENT_SCOPE)
endfunction()

# modelrun_library(NAME [PRECOMPILED set] sources...): a static library modelrun::NAME with the common options. `set`: the
# precompiled headers it reads (Precompiled.cmake), `core` by default.
function(modelrun_library name)
  cmake_parse_arguments(ARG "" "PRECOMPILED" "" ${ARGN})
  set(sources ${ARG_UNPARSED_ARGUMENTS})
  if(MODELRUN_UNITY)
    modelrun_together(${name} sources)
  endif()
  add_library(modelrun_${name} STATIC ${sources})
  add_library(modelrun::${name} ALIAS modelrun_${name})
  target_link_libraries(modelrun_${name} PUBLIC modelrun_options)
  modelrun_precompiled(modelrun_${name} "${ARG_PRECOMPILED}")
endfunction()

# modelrun_test(NAME LIBS libs... SOURCES files...): a GoogleTest program, each TEST a ctest entry. The programs of
# tests/SUITE/ share the target SUITE_tests and the ctest label SUITE, by which hack/test builds and runs them.
function(modelrun_test name)
  cmake_parse_arguments(ARG "" "" "LIBS;SOURCES" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE modelrun_options ${ARG_LIBS} GTest::gmock GTest::gtest_main)
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  modelrun_precompiled(${name} tests)
  file(RELATIVE_PATH suite ${CMAKE_SOURCE_DIR}/tests ${CMAKE_CURRENT_SOURCE_DIR})
  string(REGEX REPLACE "/.*" "" suite ${suite})
  if(NOT TARGET ${suite}_tests)
    add_custom_target(${suite}_tests)
  endif()
  add_dependencies(${suite}_tests ${name})
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES LABELS ${suite} TIMEOUT 600)
endfunction()
