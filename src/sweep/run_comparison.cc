#include "sweep/run_comparison.h"

#include <fmt/format.h>

#include <algorithm>

namespace modelrun::sweep {
namespace {

constexpr std::size_t kMostInputs = 1000;  // differences of parameters that are listed
constexpr std::string_view kLongValue = "(more than 1 KiB)";
static_assert(kMaxShownValue == 1024);

// Those of a run without any are {}.
api::JsonText parameters_of(const api::ModelRun& run) {
  const auto& parameters = run.spec.parameters;
  return parameters ? api::JsonText::from_compact(parameters->text()) : api::JsonText(nlohmann::json::object());
}

void add_parameters(const api::ModelRun& base, const api::ModelRun& other, std::vector<InputDifference>& into) {
  const auto compared = compare(parameters_of(base), parameters_of(other), {.max_differences = kMostInputs});
  for (const auto& each : compared.differences) {
    into.push_back({"parameter " + each.path, shown_base(each), shown_other(each)});
  }
  if (compared.unlisted > 0) {
    const auto words = fmt::format("{} more values differ", compared.unlisted);
    into.push_back({"parameters", words, words});
  }
}

}  // namespace

std::string shown_base(const Difference& difference) {
  const bool is_long = difference.base.empty() && difference.kind != DifferenceKind::kOnlyOther;
  return is_long ? std::string(kLongValue) : difference.base;
}

std::string shown_other(const Difference& difference) {
  const bool is_long = difference.other.empty() && difference.kind != DifferenceKind::kOnlyBase;
  return is_long ? std::string(kLongValue) : difference.other;
}

std::string_view word_of(DifferenceKind kind) {
  switch (kind) {
    case DifferenceKind::kNumber:
      return "number";
    case DifferenceKind::kBoolean:
      return "boolean";
    case DifferenceKind::kText:
      return "text";
    case DifferenceKind::kType:
      return "type";
    case DifferenceKind::kOnlyBase:
      return "onlyBase";
    case DifferenceKind::kOnlyOther:
      return "onlyOther";
  }
  return "type";
}

ImagePair images_of(const api::Provenance& base, const api::Provenance& other) {
  const bool known = !base.image_id.empty() && !other.image_id.empty();
  return known ? ImagePair{base.image_id, other.image_id} : ImagePair{base.image, other.image};
}

RunComparison compare_runs(const ComparedRun& base, const ComparedRun& other, const Comparison::Options& options) {
  RunComparison compared{base.run.meta.name, other.run.meta.name, {}, {}};
  const auto add = [&](const char* name, const std::string& a, const std::string& b) {
    if (a != b) compared.inputs.push_back({name, a, b});
  };
  add("project", base.run.spec.project, other.run.spec.project);
  add("entry point", base.run.spec.entry_point(), other.run.spec.entry_point());
  add("commit", base.run.status.commit_sha, other.run.status.commit_sha);
  add("data", base.run.status.data_snapshot_ref, other.run.status.data_snapshot_ref);
  const auto images = images_of(base.run.status.provenance, other.run.status.provenance);
  add("image", images.base, images.other);
  add_parameters(base.run, other.run, compared.inputs);
  compared.outputs = compare(base.outputs, other.outputs, options);
  std::ranges::stable_partition(compared.outputs.differences, &Difference::significant);
  return compared;
}

}  // namespace modelrun::sweep
