#include "fuzz/fuzz.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "base/encoding.h"
#include "base/printable.h"

namespace modelrun::fuzz {

void expect(bool holds, std::string_view what) {
  if (holds) return;
  std::fprintf(stderr, "EXPECTED: %.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}

bool is_utf8(std::string_view text) {
  return make_valid_utf8(text) == text;
}

bool is_printable(std::string_view text) {
  return printable(text, text.size() + 1) == text;
}

std::string_view take_until(std::string_view& rest, char separator) {
  const auto at = rest.find(separator);
  const auto taken = rest.substr(0, at);
  rest.remove_prefix(at == std::string_view::npos ? rest.size() : at + 1);
  return taken;
}

std::vector<std::string_view> pieces_of(std::string_view text) {
  std::vector<std::string_view> pieces;
  while (!text.empty()) {
    const auto size = 1 + (static_cast<unsigned char>(text.front()) * 31U + text.size()) % 13;
    pieces.push_back(text.substr(0, size));
    text.remove_prefix(pieces.back().size());
  }
  return pieces;
}

namespace {

struct Scratch {
  Scratch() {
    const std::filesystem::path memory = "/dev/shm";
    const auto parent = ::access(memory.c_str(), W_OK) == 0 ? memory : std::filesystem::temp_directory_path();
    std::string name = parent / "modelrun-fuzz-XXXXXX";
    expect(::mkdtemp(name.data()) != nullptr, "a scratch directory can be made");
    path = name;
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::filesystem::path path;
};

}  // namespace

const std::filesystem::path& scratch() {
  static const Scratch kScratch;
  return kScratch.path;
}

void write_whole(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  expect(file.good(), "the file of the test can be written");
}

}  // namespace modelrun::fuzz
