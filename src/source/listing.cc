#include "source/listing.h"

#include <fstream>
#include <optional>

namespace modelrun::source {
namespace {

constexpr int kMaxLinks = 40;  // as Linux (path_resolution(7))

struct Found {
  bool file = false;
  std::optional<std::string> moved;  // where the path leads, if a symlink to a directory is on its way
};

Found look_for(const std::filesystem::path& listing, const std::string& path) {
  std::ifstream lines(listing, std::ios::binary);
  for (std::string line; std::getline(lines, line);) {
    if (line == path) return {.file = true, .moved = {}};
    const auto tab = line.find('\t');
    if (tab == std::string::npos || !path.starts_with(std::string_view(line).substr(0, tab))) continue;
    std::string moved = line.substr(tab + 1);
    if (!moved.empty()) moved += '/';
    moved += path.substr(tab);
    return {.file = false, .moved = std::move(moved)};
  }
  return {};
}

}  // namespace

bool listing_contains(const std::filesystem::path& listing, std::string_view path) {
  std::string at(path);
  for (int links = 0; links <= kMaxLinks; ++links) {
    Found found = look_for(listing, at);
    if (!found.moved) return found.file;
    at = std::move(*found.moved);
  }
  return false;
}

}  // namespace modelrun::source
