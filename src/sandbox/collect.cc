#include "sandbox/collect.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <memory>
#include <utility>

#include "api/strict_json.h"
#include "base/encoding.h"

namespace modelrun::sandbox {
namespace {

using nlohmann::json;

constexpr std::string_view kModelFiles = ".modelrun/models";
// The limit applies to the outputs as canonical JSON, so white space in a file does not count. A file may therefore be
// this many times larger than the limit before it is refused unread.
constexpr std::size_t kFileSlack = 4;

bool is_output(std::string_view path) {
  return path.ends_with(".json") && path.size() > 5 && path.find('/') == std::string_view::npos;
}

std::string_view stem_of(std::string_view path) {
  path = path.substr(path.rfind('/') + 1);
  return path.substr(0, path.size() - 5);
}

// Reads the files that define outputs and merges them into one JSON object.
class OutputMerger {
 public:
  OutputMerger(const OutputTree& tree, const CollectLimits& limits) : tree_(tree), limits_(limits) {}

  // Takes the harness's error. It is about the run as a whole, so it takes precedence over the errors found here.
  void take_error() {
    const auto value = parse(".modelrun/error.json", "the harness's error");
    if (!value || !value->is_object()) return;
    const std::string reason = value->value("reason", json("OutputsInvalid")) == "EntryPointNotFound"
                                   ? "EntryPointNotFound"
                                   : "OutputsInvalid";
    const auto message = value->find("message");
    error_ =
        api::FrameError{reason, message != value->end() && message->is_string() ? message->get<std::string>() : "?"};
  }

  void take_result() {
    auto value = parse(".modelrun/result.json", "result");
    if (!value || !value->is_object()) return;
    if (const auto own = value->find("result"); own != value->end() && own->is_object()) {
      for (auto& [key, each] : own->items()) put(key, std::move(each), "the module's result");
      if (!outputs_) outputs_ = json::object();
    }
    if (const auto models = value->find("models"); models != value->end() && models->is_object()) {
      for (auto& [name, each] : models->items()) put(name, std::move(each), "the pipeline's model of that name");
    }
  }

  void take_file(const OutputFile& file) {
    auto value = parse(file.path, "/outputs/" + file.path);
    if (value) put(std::string(stem_of(file.path)), *std::move(value), "/outputs/" + file.path);
  }

  // Takes .modelrun/models/MODEL/KEY.json as outputs[MODEL][KEY]. Replaces outputs[MODEL] if it is not an object.
  void take_model_file(const OutputFile& file) {
    const std::size_t from = kModelFiles.size() + 1;
    const std::string model = file.path.substr(from, file.path.find('/', from) - from);
    const std::string key(stem_of(file.path));
    auto value = parse(file.path, fmt::format("/outputs/{}.json of model {}", key, model));
    if (!value) return;
    if (!outputs_) outputs_ = json::object();
    json& slot = (*outputs_)[model];
    if (!slot.is_object()) slot = json::object();
    if (slot.contains(key)) return complain("OutputsInvalid", twice(key, "the result of model " + model, "its file"));
    slot[key] = *std::move(value);
  }

  void check_size() {
    if (!outputs_) return;
    size_ = api::canonical_json(*outputs_).size();
    if (size_ <= limits_.bytes) return;
    std::pair<std::string, std::size_t> largest;
    for (const auto& [key, value] : outputs_->items()) {
      const std::size_t size = api::canonical_json(value).size();
      if (size > largest.second) largest = {key.substr(0, 100), size};
    }
    complain("OutputsTooLarge",
             fmt::format("outputs are {} bytes as JSON, the limit is {}; the largest is '{}' with {}", size_,
                         limits_.bytes, largest.first, largest.second));
    outputs_.reset();
    size_ = 0;
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  std::optional<json> take_outputs() { return std::move(outputs_); }
  std::optional<api::FrameError> take_found_error() {
    if (error_ && problems_ > 1) error_->message += fmt::format(" (and {} more problems)", problems_ - 1);
    return std::move(error_);
  }

 private:
  static std::string twice(std::string_view key, std::string_view first, std::string_view second) {
    return fmt::format("the output '{}' comes twice: from {} and from {}", key.substr(0, 100), first, second);
  }

  void complain(std::string reason, std::string message) {
    ++problems_;
    if (!error_) error_ = api::FrameError{std::move(reason), std::move(message)};
  }

  void put(const std::string& key, json value, const std::string& from) {
    if (!outputs_) outputs_ = json::object();
    const auto known = origins_.find(key);
    if (known != origins_.end()) return complain("OutputsInvalid", twice(key, known->second, from));
    origins_[key] = from;
    (*outputs_)[key] = std::move(value);
  }

  // Returns the value of a JSON file. Returns nullopt when the file is absent, and when it cannot be read or parsed; in
  // the latter case it also complains and calls the file `shown`.
  std::optional<json> parse(const std::string& path, const std::string& shown) {
    const auto text = tree_.read(path, limits_.bytes * kFileSlack + 4096);
    if (!text && text.error().kind == ErrorKind::kNotFound) return std::nullopt;
    if (!text) {
      complain(text.error().kind == ErrorKind::kTooLarge ? "OutputsTooLarge" : "OutputsInvalid",
               fmt::format("{}: {}", shown, text.error().message));
      return std::nullopt;
    }
    // A file NAME.json becomes one level deeper in the outputs. The harness's file already has a level around the
    // outputs, "result" or "models", so the limit is not lowered for files in .modelrun.
    const bool wrapped = path.starts_with(".modelrun/");
    auto value = api::parse_strict(*text, {.max_depth = api::kMaxJsonDepth - (wrapped ? 0 : 1)});
    if (value) return *std::move(value);
    complain("OutputsInvalid", fmt::format("{}: {}", shown, without_wrapper(value.error().message, wrapped)));
    return std::nullopt;
  }

  // Removes the level "result" or "models" of the harness's file from the JSON pointer in an error message, because the
  // user's own values do not have that level.
  static std::string without_wrapper(std::string message, bool wrapped) {
    for (const std::string_view prefix : {"at /result", "at /models"}) {
      if (wrapped && message.starts_with(prefix)) return "at " + message.substr(prefix.size());
    }
    return message;
  }

  const OutputTree& tree_;
  const CollectLimits& limits_;
  std::optional<json> outputs_;
  std::map<std::string, std::string> origins_;  // key → the source that defined it
  std::optional<api::FrameError> error_;
  std::size_t problems_ = 0;
  std::size_t size_ = 0;
};

// Lists artifacts, computes their digests and keeps their bytes while there is room.
class ArtifactCollector {
 public:
  ArtifactCollector(const OutputTree& tree, const CollectLimits& limits, std::size_t room, Warnings& warnings)
      : tree_(tree), limits_(limits), room_(room), warnings_(warnings) {}

  void take(const OutputFile& file) {
    if (out_.size() >= limits_.artifacts) {
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
      warnings_.add(
          fmt::format("{} artifacts are listed without their bytes: outputs and artifacts have room for {} bytes",
                      not_stored_, limits_.bytes));
    }
    if (left_out_ > 0)
      warnings_.add(fmt::format("{} files beyond the first {} are not listed", left_out_, limits_.artifacts));
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
  const CollectLimits& limits_;
  std::size_t room_;
  Warnings& warnings_;
  std::uint64_t hashed_ = 0;
  std::size_t not_stored_ = 0;
  std::size_t left_out_ = 0;
  std::vector<api::Artifact> out_;
};

// True for .modelrun/models/MODEL/KEY.json. `path` is known to be below .modelrun/models.
bool is_model_file(std::string_view path) {
  return path.ends_with(".json") && std::ranges::count(path, '/') == 3 && !stem_of(path).empty();
}

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

Collected collect_outputs(const std::string& root, const CollectLimits& limits) {
  Warnings warnings;
  Collected out;
  const auto tree = OutputTree::open(root);
  if (!tree) {
    out.warning = fmt::format("outputs could not be read: {}", tree.error().message);
    return out;
  }
  const auto files = tree->list(limits.walk, warnings);
  OutputMerger merger(*tree, limits);
  merger.take_error();
  merger.take_result();
  for (const OutputFile& file : files) {
    if (is_output(file.path)) merger.take_file(file);
  }
  Warnings unused;
  for (const OutputFile& file : tree->list(limits.walk, unused, std::string(kModelFiles))) {
    if (is_model_file(file.path)) merger.take_model_file(file);
  }
  merger.check_size();
  ArtifactCollector artifacts(*tree, limits, limits.bytes - std::min(limits.bytes, merger.size()), warnings);
  for (const OutputFile& file : files) {
    if (!is_output(file.path)) artifacts.take(file);
  }
  out.outputs = merger.take_outputs();
  out.error = merger.take_found_error();
  out.artifacts = artifacts.finish();
  out.warning = warnings.text();
  return out;
}

}  // namespace modelrun::sandbox
