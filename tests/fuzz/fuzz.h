// What the fuzz targets share. Each file NAME.cc beside this one is a target: it defines libFuzzer's entry point
// LLVMFuzzerTestOneInput(), which hands the bytes to one parser and checks with expect() what the parser's header
// promises. hack/fuzz links each with libFuzzer; tests/unit/fuzz links all of them into one program, in which the
// build gives each entry point a name of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace modelrun::fuzz {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Prints `what` and aborts unless `holds`: libFuzzer, and the driver of tests/unit/fuzz, then keep the input.
void expect(bool holds, std::string_view what);

// Whether `text` is valid UTF-8 without NUL.
bool is_utf8(std::string_view text);
// Whether `text` is what printable() lets pass, however long it is.
bool is_printable(std::string_view text);

// Takes what is before the first `separator` off the front of `rest`, and the separator; all of it when there is none.
std::string_view take_until(std::string_view& rest, char separator);

// Cuts `text` into pieces whose sizes follow from its bytes, for decoders that take a stream: they must give the same
// for the pieces as for the whole.
std::vector<std::string_view> pieces_of(std::string_view text);

// A directory of this process in memory (/dev/shm where that is possible), which is removed when the process exits.
const std::filesystem::path& scratch();
void write_whole(const std::filesystem::path& path, std::string_view bytes);

}  // namespace modelrun::fuzz
