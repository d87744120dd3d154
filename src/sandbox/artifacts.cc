#include "sandbox/artifacts.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "base/encoding.h"

namespace modelrun::sandbox {
namespace {

// Lists artifacts, computes their digests and keeps their bytes while there is room.
class ArtifactCollector {
 public:
  ArtifactCollector(const OutputTree& tree, const ArtifactLimits& limits, std::size_t room, Warnings& warnings)
      : tree_(tree), limits_(limits), bytes_(room), room_(room), warnings_(warnings) {}

  void take(const OutputFile& file) {
    if (out_.size() >= limits_.count) {
      ++left_out_;
      return;
    }
    std::uint64_t size = 0;
    const auto fd = tree_.open_file(file.path, &size);
    if (!fd) return warnings_.add(fd.error().message);
    api::Artifact artifact{file.path, size, {}, media_type_of(file.path), std::nullopt};
    if (size > hash_left()) {
      warnings_.add(fmt::format("'{}' ({} bytes) has no digest: too large", file.path, size));
    } else if (!read(fd->get(), artifact)) {
      return warnings_.add(fmt::format("'{}' changed while it was read", file.path));
    }
    if (!artifact.bytes) not_stored_ += 1;
    out_.push_back(std::move(artifact));
  }

  std::vector<api::Artifact> finish() {
    if (not_stored_ > 0) {
      warnings_.add(fmt::format("{} artifacts are listed without their bytes: the outputs leave room for {} bytes",
                                not_stored_, bytes_));
    }
    if (left_out_ > 0)
      warnings_.add(fmt::format("{} files beyond the first {} are not listed", left_out_, limits_.count));
    return std::move(out_);
  }

 private:
  [[nodiscard]] std::uint64_t hash_left() const { return limits_.hashed_bytes - hashed_; }

  // Reads the file for the digest and keeps its bytes when there is room for them. Returns false when the file does not
  // have the size that it had when it was opened.
  bool read(int fd, api::Artifact& artifact) {
    const bool store = artifact.size <= room_;
    Sha256 digest;
    std::string bytes;
    std::array<char, 65536> chunk;
    std::uint64_t total = 0;
    while (true) {
      const ssize_t got = ::read(fd, chunk.data(), chunk.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) break;
      total += static_cast<std::uint64_t>(got);
      if (total > artifact.size) return false;
      digest.add({chunk.data(), static_cast<std::size_t>(got)});
      if (store) bytes.append(chunk.data(), static_cast<std::size_t>(got));
    }
    if (total != artifact.size) return false;
    hashed_ += total;
    artifact.sha256 = digest.hex();
    if (store) {
      room_ -= bytes.size();
      artifact.bytes = std::move(bytes);
    }
    return true;
  }

  const OutputTree& tree_;
  const ArtifactLimits& limits_;
  const std::size_t bytes_;  // that may be kept
  std::size_t room_;         // of them, that is left
  Warnings& warnings_;
  std::uint64_t hashed_ = 0;
  std::size_t not_stored_ = 0;
  std::size_t left_out_ = 0;
  std::vector<api::Artifact> out_;
};

}  // namespace

std::string media_type_of(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 16> kTypes{{
      {".csv", "text/csv"},
      {".tsv", "text/tab-separated-values"},
      {".txt", "text/plain"},
      {".log", "text/plain"},
      {".md", "text/markdown"},
      {".html", "text/html"},
      {".json", "application/json"},
      {".xml", "application/xml"},
      {".pdf", "application/pdf"},
      {".png", "image/png"},
      {".jpg", "image/jpeg"},
      {".svg", "image/svg+xml"},
      {".gz", "application/gzip"},
      {".zip", "application/zip"},
      {".parquet", "application/vnd.apache.parquet"},
      {".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
  }};
  for (const auto& [ending, type] : kTypes) {
    if (name.ends_with(ending)) return std::string(type);
  }
  return "application/octet-stream";
}

std::vector<api::Artifact> collect_artifacts(const OutputTree& tree, const std::vector<OutputFile>& files,
                                             const ArtifactLimits& limits, std::size_t room, Warnings& warnings) {
  ArtifactCollector collector(tree, limits, room, warnings);
  for (const OutputFile& file : files) collector.take(file);
  return collector.finish();
}

}  // namespace modelrun::sandbox
