#include "gateway/runs/run_output.h"

#include <algorithm>
#include <optional>

#include "api/json_access.h"
#include "base/encoding.h"
#include "gateway/runs/text_part.h"

namespace modelrun::gateway {
namespace {

using nlohmann::json;

struct Content {
  std::string name;
  std::string path;   // how it was found: resolution_path in the answer
  std::string bytes;  // of an output that is not a text: its JSON
  bool is_json = false;
};

std::string stem_of(const std::string& name) {
  const auto slash = name.rfind('/');
  const auto base = slash == std::string::npos ? name : name.substr(slash + 1);
  const auto dot = base.rfind('.');
  return dot == std::string::npos || dot == 0 ? base : base.substr(0, dot);
}

std::string names_of(const api::ModelRun& run, const json& outputs) {
  std::string names;
  const auto add = [&](const std::string& name) {
    if (names.size() < 2000) names += (names.empty() ? "" : ", ") + name;
  };
  for (const auto& [name, unused] : outputs.items()) add(name);
  for (const auto& artifact : run.status.artifacts) add(artifact.name);
  return names.empty() ? "it left none" : "there are " + names;
}

std::optional<Content> among_outputs(const json& outputs, const std::string& wanted) {
  const auto take = [&](const std::string& name, const char* path) -> std::optional<Content> {
    const auto found = outputs.find(name);
    if (found == outputs.end()) return std::nullopt;
    if (found->is_string()) return Content{name, path, found->get<std::string>(), false};
    return Content{name, path, api::json_text(*found), true};
  };
  if (auto exact = take(wanted, "output")) return exact;
  if (wanted.ends_with(".json")) return take(wanted.substr(0, wanted.size() - 5), "output_without_json");
  return std::nullopt;
}

// Sets `path` to how the file was found. Null if there is none of that name, and not exactly one of that stem.
const api::ArtifactStatus* among_files(const api::ModelRun& run, const std::string& wanted, std::string& path) {
  const auto& files = run.status.artifacts;
  path = "file";
  if (const auto exact = std::ranges::find(files, wanted, &api::ArtifactStatus::name); exact != files.end()) {
    return &*exact;
  }
  path = "file_stem";
  const auto same = [&](const api::ArtifactStatus& file) { return stem_of(file.name) == wanted; };
  const auto first = std::ranges::find_if(files, same);
  return std::ranges::count_if(files, same) == 1 ? &*first : nullptr;
}

Result<Content> file_content(const api::ResultFrame* frame, const api::ArtifactStatus& file, const std::string& path) {
  const api::Artifact* kept = nullptr;
  if (frame != nullptr) {
    const auto found = std::ranges::find(frame->artifacts, file.name, &api::Artifact::name);
    if (found != frame->artifacts.end() && found->bytes) kept = &*found;
  }
  if (kept == nullptr) {
    return fail(ErrorKind::kNotFound, "file {}: its {} bytes were not kept, see the run's warning", file.name,
                file.size);
  }
  auto contents = api::contents_of(*kept);
  if (!contents) {
    const auto& [kind, message] = contents.error();
    // What is damaged is not the caller's mistake.
    return fail(kind == ErrorKind::kInvalid ? ErrorKind::kInternal : kind, "file {}: {}", file.name, message);
  }
  if (sha256_hex(*contents) != file.sha256) {
    return fail(ErrorKind::kInternal, "file {}: its SHA-256 is not the one in the run's status", file.name);
  }
  return Content{file.name, path, *std::move(contents), false};
}

Result<Content> content_of(const api::ModelRun& run, const api::ResultFrame* frame, const std::string& wanted) {
  json outputs = json::object();
  if (run.status.outputs) outputs = run.status.outputs->parse();
  if (!run.status.outputs && frame != nullptr && frame->outputs) outputs = frame->outputs->parse();
  if (auto found = among_outputs(outputs, wanted)) return *found;
  std::string path;
  if (const auto* file = among_files(run, wanted, path)) return file_content(frame, *file, path);
  if (wanted == "*") return Content{wanted, "all_outputs", api::json_text(outputs), true};
  return fail(ErrorKind::kNotFound, "the run has no output '{}': {}", wanted.substr(0, 200), names_of(run, outputs));
}

bool is_text(const std::string& bytes) {
  return make_valid_utf8(bytes) == bytes;
}

// The content as a text, and the name of its encoding. kInvalid if it does not fit the encoding that was asked for.
Result<std::pair<std::string, std::string>> encoded(const Content& content, const std::string& encoding) {
  if (encoding == "base64") return std::pair{base64_encode(content.bytes), encoding};
  if (encoding == "json") {
    if (content.is_json) return std::pair{content.bytes, encoding};
    if (json::accept(content.bytes) && content.path.starts_with("file")) return std::pair{content.bytes, encoding};
    if (content.path.starts_with("output")) return std::pair{json(content.bytes).dump(), encoding};
    return fail(ErrorKind::kInvalid, "{} is not JSON: ask for encoding 'auto', 'text' or 'base64'", content.name);
  }
  if (is_text(content.bytes)) {
    return std::pair{content.bytes, std::string(encoding == "auto" && content.is_json ? "json" : "text")};
  }
  if (encoding == "auto") return std::pair{base64_encode(content.bytes), std::string("base64")};
  return fail(ErrorKind::kInvalid, "{} is no UTF-8 text: ask for encoding 'auto' or 'base64'", content.name);
}

// A text in an encoding, and where it ends in the content.
struct Shown {
  std::string text;
  std::string encoding;
  std::size_t end = 0;
  bool last = true;  // nothing comes after it
};

Result<Shown> shown_part(const Content& content, const std::string& encoding, const OutputPart& part) {
  const auto beyond = [&](std::size_t size) {
    return fail(ErrorKind::kInvalid, "offset: {} has {} bytes in this encoding", content.name, size);
  };
  const auto& bytes = content.bytes;
  if (encoding == "base64" || (encoding == "auto" && !is_text(bytes))) {
    if (part.offset > bytes.size()) return beyond(bytes.size());
    // Base64 has four characters for three bytes.
    const auto size = std::min({part.limit, kMaxPartJson / 4 * 3, bytes.size() - part.offset});
    const auto end = part.offset + size;
    return Shown{base64_encode(std::string_view(bytes).substr(part.offset, size)), "base64", end, end == bytes.size()};
  }
  const auto text = encoded(content, encoding);
  RETURN_IF_ERROR(text);
  if (part.offset > text->first.size()) return beyond(text->first.size());
  auto shown = text_part(text->first, part.offset, part.limit);
  return Shown{std::move(shown.text), text->second, shown.end, shown.end == text->first.size()};
}

Result<Shown> shown_whole(const Content& content, const std::string& encoding) {
  if (content.bytes.size() > kMaxOutputContent) {
    return fail(ErrorKind::kTooLarge,
                "{} has {} bytes, more than the {} of one answer: ask for it in parts, with offset and limit",
                content.name, content.bytes.size(), kMaxOutputContent);
  }
  auto text = encoded(content, encoding);
  RETURN_IF_ERROR(text);
  return Shown{std::move(text->first), std::move(text->second)};
}

}  // namespace

Result<json> find_output(const api::ModelRun& run, const api::ResultFrame* frame, const std::string& wanted,
                         const std::string& encoding, std::string_view project, const std::optional<OutputPart>& part) {
  const auto content = content_of(run, frame, wanted);
  RETURN_IF_ERROR(content);
  auto shown = part ? shown_part(*content, encoding, *part) : shown_whole(*content, encoding);
  RETURN_IF_ERROR(shown);
  return json{{"run_id", run.meta.uid},
              {"project_name", project},
              {"output_name", wanted},
              {"resolved_output_name", content->name},
              {"content", std::move(shown->text)},
              {"encoding", std::move(shown->encoding)},
              {"size_bytes", content->bytes.size()},
              {"truncated", !shown->last || (part && part->offset > 0)},
              {"resolution_path", content->path},
              {"next_offset", shown->last ? json(nullptr) : json(shown->end)}};
}

Result<std::string> file_bytes(const api::ModelRun& run, const api::ResultFrame* frame, const std::string& name) {
  const auto& files = run.status.artifacts;
  const auto file = std::ranges::find(files, name, &api::ArtifactStatus::name);
  if (file == files.end()) {
    return fail(ErrorKind::kNotFound, "the run left no file '{}': {}", name.substr(0, 200),
                names_of(run, json::object()));
  }
  auto content = file_content(frame, *file, "file");
  RETURN_IF_ERROR(content);
  return std::move(content->bytes);
}

}  // namespace modelrun::gateway
