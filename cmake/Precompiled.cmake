# Precompiled headers. Half of the compiler's time went into reading the same few large headers again for each file; now
# each set of them is read once. A source file still includes what it uses: clang-tidy reads every file without these
# sets, and -D MODELRUN_PRECOMPILED=OFF builds without them.
#
#   core    the standard library, fmt and nlohmann_json: the default
#   beast   core, Boost.Asio and Boost.Beast: the files that own sockets
#   cli     core and CLI11: the command line
#   tests   core and GoogleTest
#   none    for a library whose own flags no set was made with
#
# A set is compiled once, as an object library, and read by every target that names it. GCC refuses a set whose flags are
# not those of the reader (-Winvalid-pch, an error here), so that a set is never left out silently.

option(MODELRUN_PRECOMPILED "Read large headers precompiled" ON)

set(MODELRUN_CORE_HEADERS
  <algorithm> <atomic> <chrono> <condition_variable> <cstdint> <cstring> <expected> <filesystem> <functional> <map>
  <memory> <mutex> <optional> <ranges> <set> <span> <stop_token> <string> <string_view> <thread> <unordered_map>
  <utility> <variant> <vector> <fmt/format.h> <fmt/ranges.h> <nlohmann/json.hpp>)
# Asio before Beast.
set(MODELRUN_BEAST_HEADERS
  <boost/asio/any_io_executor.hpp> <boost/asio/bind_executor.hpp> <boost/asio/dispatch.hpp> <boost/asio/io_context.hpp>
  <boost/asio/ip/tcp.hpp> <boost/asio/post.hpp> <boost/asio/ssl/context.hpp> <boost/asio/steady_timer.hpp>
  <boost/asio/strand.hpp> <boost/asio/thread_pool.hpp> <boost/asio/write.hpp> <boost/beast/core.hpp>
  <boost/beast/http.hpp> <boost/beast/ssl/ssl_stream.hpp>)

# modelrun_precompiled_set(NAME headers...): compiled when something reads it.
function(modelrun_precompiled_set name)
  set(source "${CMAKE_BINARY_DIR}/precompiled/${name}.cc")
  if(NOT EXISTS "${source}")
    file(WRITE "${source}" "// Precompiled headers need a source file.\n")
  endif()
  add_library(modelrun_precompiled_${name} OBJECT EXCLUDE_FROM_ALL "${source}")
  target_link_libraries(modelrun_precompiled_${name} PRIVATE modelrun_options)
  target_precompile_headers(modelrun_precompiled_${name} PRIVATE ${ARGN})
endfunction()

# modelrun_precompiled(TARGET SET): TARGET reads SET; an empty SET is core.
function(modelrun_precompiled target set)
  if(NOT MODELRUN_PRECOMPILED OR set STREQUAL "none")
    return()
  endif()
  if(NOT set)
    set(set core)
  endif()
  target_precompile_headers(${target} REUSE_FROM modelrun_precompiled_${set})
endfunction()

if(MODELRUN_PRECOMPILED)
  # Boost.Asio and Boost.Beast are headers.
  find_package(Boost 1.74 REQUIRED)
  modelrun_precompiled_set(core ${MODELRUN_CORE_HEADERS})
  modelrun_precompiled_set(beast ${MODELRUN_CORE_HEADERS} ${MODELRUN_BEAST_HEADERS})
  # With the flags of modelrun::net, which every reader of the set links.
  target_compile_definitions(modelrun_precompiled_beast PRIVATE BOOST_BEAST_FILE_BUFFER_SIZE=32768)
  target_link_libraries(modelrun_precompiled_beast PRIVATE Boost::headers OpenSSL::SSL)
  modelrun_precompiled_set(cli ${MODELRUN_CORE_HEADERS} <CLI/CLI.hpp>)
  if(MODELRUN_BUILD_TESTS)
    find_package(GTest REQUIRED)
    modelrun_precompiled_set(tests ${MODELRUN_CORE_HEADERS} <gmock/gmock.h> <gtest/gtest.h>)
    target_link_libraries(modelrun_precompiled_tests PRIVATE GTest::gmock)
  endif()
endif()
