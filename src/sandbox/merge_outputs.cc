#include "sandbox/merge_outputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "api/text_builder.h"
#include "base/printable.h"
#include "sandbox/json_members.h"

namespace modelrun::sandbox {
namespace {

constexpr std::string_view kError = ".modelrun/error.json";
constexpr std::string_view kWarning = ".modelrun/warning.json";
constexpr std::string_view kResult = ".modelrun/result.json";
constexpr std::size_t kMaxErrorFileBytes = 64U << 10U;
constexpr std::size_t kKeyShown = 100;
constexpr std::size_t kMaxProblemBytes = 1000;

std::string_view stem_of(std::string_view path) {
  path = path.substr(path.rfind('/') + 1);
  return path.substr(0, path.size() - std::string_view(".json").size());
}

std::string shown_key(std::string_view json_key) {
  return printable(text_of_json_string(json_key), kKeyShown);
}

// The file's text as compact JSON, or why it could not be read or is not JSON.
Result<std::string> compacted(const Result<std::string>& text, const api::JsonLimits& limits) {
  RETURN_IF_ERROR(text);
  const auto value = api::compact_strict(*text, limits);
  RETURN_IF_ERROR(value);
  return value->text();
}

// Removes the level "result" or "models" of the harness's file from the JSON pointer in an error message, because the
// user's own values do not have that level.
std::string without_wrapper(std::string message) {
  for (const std::string_view prefix : {"at /result", "at /models"}) {
    if (message.starts_with(prefix)) return "at " + message.substr(prefix.size());
  }
  return message;
}

}  // namespace

void OutputMerger::take_error() {
  const auto text = tree_.read(std::string(kError), kMaxErrorFileBytes);
  if (!text && text.error().kind == ErrorKind::kNotFound) return;
  const auto value = compacted(text, {.max_bytes = kMaxErrorFileBytes});
  if (!value) return complain("OutputsInvalid", fmt::format("the harness's error: {}", value.error().message));
  if (!value->starts_with('{')) return;
  const std::string reason = text_of_json_string(member_text(*value, "reason"));
  const std::string message = text_of_json_string(member_text(*value, "message"));
  if (reason == "NonZeroExit") {
    failure_ = printable(message, kMaxProblemBytes);
    return;
  }
  const bool missing = reason == "EntryPointNotFound";
  error_ =
      api::FrameError{missing ? "EntryPointNotFound" : "OutputsInvalid", message.empty() ? "?" : printable(message)};
}

std::string OutputMerger::harness_warning() const {
  const auto value =
      compacted(tree_.read(std::string(kWarning), kMaxErrorFileBytes), {.max_bytes = kMaxErrorFileBytes});
  return value ? printable(text_of_json_string(member_text(*value, "message")), kMaxProblemBytes) : "";
}

bool OutputMerger::fits(const std::vector<OutputFile>& outputs, const std::vector<OutputFile>& of_models) {
  std::uint64_t total = 0;
  std::pair<std::string, std::uint64_t> largest;
  const auto add = [&](const std::string& path, std::uint64_t size) {
    total += std::min(size, UINT64_MAX - total);
    if (size >= largest.second) largest = {path, size};
  };
  std::uint64_t size = 0;
  if (tree_.open_file(std::string(kResult), &size)) add(std::string(kResult), size);
  for (const auto* files : {&outputs, &of_models}) {
    for (const OutputFile& file : *files) add(file.path, file.size);
  }
  const std::uint64_t most = std::uint64_t{limits_.bytes} * limits_.slack + 4096;
  if (total <= most) return true;
  complain("OutputsTooLarge",
           fmt::format("the JSON files under /outputs are {} bytes together, at most {} are read; the largest is "
                       "/outputs/{} with {}",
                       total, most, largest.first, largest.second));
  return false;
}

void OutputMerger::take_result() {
  // The wrapper's level takes the place of the outputs' own.
  const auto text = compact(std::string(kResult), "result", api::kMaxJsonDepth + 1);
  if (!text) return;
  if (const auto own = member_text(*text, "result"); own.starts_with('{')) {
    const auto origin = add_origin("the module's result");
    any_ = true;
    for (const auto& [key, value] : members_of(own)) put({key, {}, value, origin});
  }
  const auto origin = add_origin("the pipeline's model of that name");
  for (const auto& [model, value] : members_of(member_text(*text, "models"))) {
    put({model, {}, value.starts_with('{') ? std::string_view() : value, origin});
    for (const auto& [key, inner] : members_of(value)) put({model, key, inner, origin});
  }
}

void OutputMerger::take_file(const OutputFile& file) {
  const std::string shown = "/outputs/" + file.path;
  const auto value = compact(file.path, shown, api::kMaxJsonDepth - 1);
  if (value) put({keep(json_string(stem_of(file.path))), {}, *value, add_origin(shown)});
}

void OutputMerger::take_model_file(const OutputFile& file) {
  std::string_view rest = file.path;
  rest.remove_suffix(rest.size() - rest.rfind('/'));
  const std::string_view model = rest.substr(rest.rfind('/') + 1);
  const std::string shown = fmt::format("/outputs/{}.json of model {}", stem_of(file.path), model);
  const auto value = compact(file.path, shown, api::kMaxJsonDepth - 2);
  if (!value) return;
  const auto origin = add_origin(shown);
  const auto outer = keep(json_string(model));
  put({outer, {}, {}, origin});
  put({outer, keep(json_string(stem_of(file.path))), *value, origin});
}

std::optional<std::string> OutputMerger::finish() {
  if (!any_) return std::nullopt;
  drop_duplicates();
  std::string text = merged();
  if (text.size() <= limits_.bytes) return text;
  complain_about_size(text.size());
  return std::nullopt;
}

std::optional<api::FrameError> OutputMerger::take_found_error() {
  if (error_) {
    error_->message = printable_with(
        error_->message, problems_ > 1 ? fmt::format(" (and {} more problems)", problems_ - 1) : "", kMaxProblemBytes);
  }
  return std::move(error_);
}

void OutputMerger::complain(std::string reason, const std::string& message) {
  ++problems_;
  if (!error_) error_ = api::FrameError{std::move(reason), printable(message)};
}

std::uint32_t OutputMerger::add_origin(std::string text) {
  origins_.push_back(std::move(text));
  return static_cast<std::uint32_t>(origins_.size() - 1);
}

std::string_view OutputMerger::keep(std::string text) {
  return texts_.emplace_back(std::move(text));
}

void OutputMerger::put(const Entry& entry) {
  any_ = true;
  entries_.push_back(entry);
}

// Returns the value of a JSON file. Returns nullopt when the file is absent, and when it cannot be read or parsed; in
// the second case it also complains and calls the file `shown`.
std::optional<std::string_view> OutputMerger::compact(const std::string& path, const std::string& shown,
                                                      int max_depth) {
  const auto text = tree_.read(path, limits_.bytes * limits_.slack + 4096);
  if (!text && text.error().kind == ErrorKind::kNotFound) return std::nullopt;
  // The harness's wrapper is not counted.
  auto value = compacted(text, {.max_depth = max_depth, .max_bytes = limits_.bytes + 64});
  if (value) return keep(*std::move(value));
  const bool wrapped = path == kResult;
  complain(value.error().kind == ErrorKind::kTooLarge ? "OutputsTooLarge" : "OutputsInvalid",
           fmt::format("{}: {}", shown, wrapped ? without_wrapper(value.error().message) : value.error().message));
  return std::nullopt;
}

void OutputMerger::complain_twice(const Entry& first, const Entry& second) {
  complain("OutputsInvalid",
           fmt::format("the output '{}' comes twice: from {} and from {}",
                       shown_key(first.inner.empty() || second.inner.empty() ? first.outer : first.inner),
                       origins_[first.origin], origins_[second.origin]));
}

// Sorts the entries by key and leaves one for each. Of a plain value and a model's object of the same name, the one
// that came first stays, with all its members.
void OutputMerger::drop_duplicates() {
  std::ranges::stable_sort(entries_, {}, [](const Entry& e) { return std::tie(e.outer, e.inner); });
  std::vector<Entry> kept;
  for (std::size_t from = 0; from < entries_.size();) {
    std::size_t end = from;
    while (end < entries_.size() && entries_[end].outer == entries_[from].outer) ++end;
    const std::span group(entries_.data() + from, end - from);
    const Entry& first = *std::ranges::min_element(group, {}, &Entry::origin);
    const bool of_model = first.of_model();
    bool told = false;
    for (const Entry& entry : group) {
      if (entry.of_model() != of_model) {
        if (!std::exchange(told, true)) complain_twice(first, entry);
      } else if (!kept.empty() && kept.back().outer == entry.outer && kept.back().inner == entry.inner) {
        if (!entry.value.empty()) complain_twice(kept.back(), entry);
      } else {
        kept.push_back(entry);
      }
    }
    from = end;
  }
  entries_ = std::move(kept);
}

std::string OutputMerger::merged() const {
  api::TextBuilder out;
  out.open(/*array=*/false);
  bool in_model = false;
  for (const Entry& entry : entries_) {
    if (entry.inner.empty()) {
      if (std::exchange(in_model, entry.value.empty())) (void)out.close();
      (void)out.key(text_of_json_string(entry.outer));
      in_model ? out.open(/*array=*/false) : out.scalar(entry.value);
    } else {
      (void)out.key(text_of_json_string(entry.inner));
      out.scalar(entry.value);
    }
  }
  // No object has two members of one name after drop_duplicates().
  if (in_model) (void)out.close();
  (void)out.close();
  return out.take();
}

void OutputMerger::complain_about_size(std::size_t size) {
  const Entry& largest = *std::ranges::max_element(entries_, {}, [](const Entry& e) { return e.value.size(); });
  complain(
      "OutputsTooLarge",
      fmt::format("outputs are {} bytes as JSON, the limit is {}; the largest is '{}' with {}", size, limits_.bytes,
                  shown_key(largest.inner.empty() ? largest.outer : largest.inner), largest.value.size()));
}

}  // namespace modelrun::sandbox
