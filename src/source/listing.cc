#include "source/listing.h"

#include <cerrno>
#include <fstream>
#include <optional>

#include "base/encoding.h"
#include "source/files.h"

namespace modelrun::source {
namespace {

constexpr int kMaxLinks = 40;  // as Linux (path_resolution(7))

constexpr std::size_t kSealBytes = 66;  // a tab, 64 digits and a line feed

std::string seal_of(std::string_view text, std::string_view archive_sha256) {
  Sha256 digest;
  digest.add(text);
  digest.add(archive_sha256);
  return fmt::format("\t{}\n", digest.hex());
}

constexpr std::string_view kSubmodule = "\tsubmodule ";
constexpr std::string_view kLfsPointer = "\tlfs ";

struct Found {
  bool file = false;
  std::optional<std::string> moved;  // where the path leads, if a symlink to a directory is on its way
};

Result<Found> look_for(const std::filesystem::path& listing, const std::string& path) {
  errno = 0;
  std::ifstream lines(listing, std::ios::binary);
  const auto unreadable = [&] {
    return std::unexpected(own_failure("read the list of files " + listing.string(), errno));
  };
  if (!lines) return unreadable();
  for (std::string line; std::getline(lines, line);) {
    if (line == path) return Found{.file = true, .moved = {}};
    const auto tab = line.find('\t');
    if (tab == std::string::npos || tab == 0 || !path.starts_with(std::string_view(line).substr(0, tab))) continue;
    std::string moved = line.substr(tab + 1);
    if (!moved.empty()) moved += '/';
    moved += path.substr(tab);
    return Found{.file = false, .moved = std::move(moved)};
  }
  if (lines.bad()) return unreadable();
  return Found{};
}

}  // namespace

std::string placeholder_lines(const Placeholders& placeholders) {
  std::string lines;
  if (!placeholders.submodule.empty()) lines += fmt::format("{}{}\n", kSubmodule, placeholders.submodule);
  if (!placeholders.lfs_pointer.empty()) lines += fmt::format("{}{}\n", kLfsPointer, placeholders.lfs_pointer);
  return lines;
}

Result<Placeholders> read_placeholders(const std::filesystem::path& listing) {
  errno = 0;
  std::ifstream lines(listing, std::ios::binary);
  Placeholders placeholders;
  for (std::string line; lines && std::getline(lines, line) && line.starts_with('\t');) {
    if (line.starts_with(kSubmodule)) placeholders.submodule = line.substr(kSubmodule.size());
    if (line.starts_with(kLfsPointer)) placeholders.lfs_pointer = line.substr(kLfsPointer.size());
  }
  if (!lines.is_open() || lines.bad()) {
    return std::unexpected(own_failure("read the list of files " + listing.string(), errno));
  }
  return placeholders;
}

Result<bool> listing_contains(const std::filesystem::path& listing, std::string_view path) {
  std::string at(path);
  for (int links = 0; links <= kMaxLinks; ++links) {
    auto found = look_for(listing, at);
    RETURN_IF_ERROR(found);
    if (!found->moved) return found->file;
    at = std::move(*found->moved);
  }
  return false;
}

Result<void> seal_listing(const std::filesystem::path& listing, std::string_view archive_sha256) {
  const std::string seal = seal_of(read_end(listing, kMaxListingBytes), archive_sha256);
  errno = 0;
  std::ofstream file(listing, std::ios::binary | std::ios::app);
  file << seal << std::flush;
  if (!file) return std::unexpected(own_failure("write the list of files " + listing.string(), errno));
  return {};
}

bool is_sealed(const std::filesystem::path& listing, std::string_view archive_sha256) {
  std::string text = read_end(listing, kMaxListingBytes + kSealBytes);
  if (text.size() < kSealBytes) return false;
  const std::string seal = text.substr(text.size() - kSealBytes);
  text.resize(text.size() - kSealBytes);
  return seal == seal_of(text, archive_sha256);
}

}  // namespace modelrun::source
