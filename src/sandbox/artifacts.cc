#include "sandbox/artifacts.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "base/encoding.h"
#include "base/printable.h"

namespace modelrun::sandbox {
namespace {

constexpr std::size_t kNamedLosses = 5;  // of each cause, in the text about what was lost
constexpr std::size_t kNameBytes = 60;   // of a name in it
constexpr std::size_t kLossBytes = 1000;

// Files that were lost by one cause.
struct Loss {
  std::string names;
  std::size_t count = 0;
  std::uint64_t bytes = 0;  // by which a bound was too small, where that is known

  void add(const std::string& name, std::uint64_t missing = 0) {
    if (count < kNamedLosses) {
      const std::string shown = name.size() > kNameBytes ? printable(name, kNameBytes) + "..." : name;
      names += fmt::format("{}'{}'", count == 0 ? "" : ", ", shown);
    }
    ++count;
    bytes += missing;
  }
  [[nodiscard]] std::string who() const {
    return count > kNamedLosses ? fmt::format("{} and {} more", names, count - kNamedLosses) : names;
  }
};

// An artifact that is read, or is to be.
struct Candidate {
  api::Artifact artifact;
  bool lost = false;
};

bool is_smaller(const Candidate* one, const Candidate* other) {
  return std::tuple(one->artifact.bytes->size(), std::string_view(one->artifact.name)) <
         std::tuple(other->artifact.bytes->size(), std::string_view(other->artifact.name));
}

// Lists artifacts, computes their digests and keeps the contents of as many as possible.
class ArtifactCollector {
 public:
  ArtifactCollector(const OutputTree& tree, const ArtifactLimits& limits) : tree_(tree), limits_(limits) {}

  CollectedArtifacts run(const std::vector<OutputFile>& files) {
    std::vector<Candidate> all;
    for (const OutputFile& file : files) {
      if (all.size() < limits_.count) {
        all.push_back({{file.path, file.size, {}, media_type_of(file.path), std::nullopt}});
      } else {
        unlisted_.add(file.path);
      }
    }
    std::vector<Candidate*> by_size;
    by_size.reserve(all.size());
    for (Candidate& each : all) by_size.push_back(&each);
    std::ranges::stable_sort(by_size, {}, [](const Candidate* each) { return each->artifact.size; });
    for (Candidate* each : by_size) take(*each);
    CollectedArtifacts out;
    for (Candidate& each : all) {
      if (!each.lost) out.list.push_back(std::move(each.artifact));
    }
    out.loss = loss();
    return out;
  }

 private:
  // Opens and reads the file. One that cannot be read, or changes meanwhile, is not listed.
  void take(Candidate& candidate) {
    api::Artifact& artifact = candidate.artifact;
    const auto fd = tree_.open_file(artifact.name, &artifact.size);
    candidate.lost = !fd;
    if (!fd) return unreadable_.add(artifact.name);
    if (artifact.size > limits_.hashed_bytes - hashed_) return unhashed_.add(artifact.name);
    const bool keeps = artifact.size <= limits_.contents && artifact.size <= limits_.all_contents - contents_;
    candidate.lost = !read(fd->get(), artifact, keeps);
    if (candidate.lost) return changed_.add(artifact.name);
    if (!keeps) return too_large_.add(artifact.name);
    contents_ += artifact.size;
    if (artifact.bytes) keep(candidate);
  }

  // Reads the file for the digest and, if it is to be kept, its contents. Returns false when the file does not have the
  // size that it had when it was opened.
  bool read(int fd, api::Artifact& artifact, bool keeps) {
    Sha256 digest;
    std::string contents;
    if (keeps) contents.reserve(artifact.size);
    std::array<char, 65536> chunk;
    std::uint64_t total = 0;
    while (true) {
      const ssize_t got = ::read(fd, chunk.data(), chunk.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) break;
      total += static_cast<std::uint64_t>(got);
      if (total > artifact.size) return false;
      digest.add({chunk.data(), static_cast<std::size_t>(got)});
      if (keeps) contents.append(chunk.data(), static_cast<std::size_t>(got));
    }
    if (total != artifact.size) return false;
    hashed_ += total;
    artifact.sha256 = digest.hex();
    if (!keeps) return true;
    std::string packed = gzip(contents);
    packed.shrink_to_fit();  // it was made with room for contents that cannot be compressed
    artifact.gzip = packed.size() < contents.size();
    artifact.bytes = artifact.gzip ? std::move(packed) : std::move(contents);
    return true;
  }

  // Adds the candidate to what is kept, and lets go of the largest while that is too much. What has been let go of
  // would not find room later either: only what is smaller than it takes its place.
  void keep(Candidate& candidate) {
    kept_.insert(&candidate);
    kept_bytes_ += candidate.artifact.bytes->size();
    while (kept_bytes_ > limits_.bytes) {
      const auto largest = std::prev(kept_.end());
      api::Artifact& artifact = (*largest)->artifact;
      const std::size_t size = artifact.bytes->size();
      kept_.erase(largest);
      kept_bytes_ -= size;
      no_room_.add(artifact.name, size);
      artifact.bytes.reset();
      artifact.gzip = false;
    }
  }

  [[nodiscard]] std::string loss() const {
    std::string text;
    const auto add = [&](const Loss& loss, const std::string& why) {
      if (loss.count > 0) text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", loss.who(), why);
    };
    if (no_room_.count > 0) {
      const std::uint64_t needed = kept_bytes_ + no_room_.bytes;
      const std::string way =
          needed <= api::kMaxArtifactBytes
              ? fmt::format("raise limits.artifactBytes of the project to {}", needed)
              : fmt::format("limits.artifactBytes may be {} at most: write less", api::kMaxArtifactBytes);
      add(no_room_, fmt::format("compressed they are {} bytes more than the {} that are kept; {}",
                                needed - limits_.bytes, limits_.bytes, way));
    }
    add(too_large_, fmt::format("too large: of one artifact {} bytes are kept at most, before compression, and of all "
                                "{}; split or compress it",
                                limits_.contents, limits_.all_contents));
    add(unhashed_,
        fmt::format("no digest, too large: {} bytes of artifacts are read; write less", limits_.hashed_bytes));
    add(changed_, "changed while it was read; close files before the end");
    add(unreadable_, "it could not be read; let the agent read it (mode 0644)");
    add(unlisted_,
        fmt::format("files beyond the first {} are not listed; write fewer files, or one archive", limits_.count));
    return text.empty() ? text : printable("artifacts were not kept: " + text, kLossBytes);
  }

  const OutputTree& tree_;
  const ArtifactLimits& limits_;
  std::set<Candidate*, decltype(&is_smaller)> kept_{&is_smaller};
  std::size_t kept_bytes_ = 0;
  std::uint64_t hashed_ = 0;
  std::uint64_t contents_ = 0;  // of the artifacts that were read to be kept, not compressed
  Loss no_room_;
  Loss too_large_;
  Loss unhashed_;
  Loss changed_;
  Loss unreadable_;
  Loss unlisted_;
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

CollectedArtifacts collect_artifacts(const OutputTree& tree, const std::vector<OutputFile>& files,
                                     const ArtifactLimits& limits) {
  return ArtifactCollector(tree, limits).run(files);
}

}  // namespace modelrun::sandbox
