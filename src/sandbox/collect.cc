#include "sandbox/collect.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sandbox/merge_outputs.h"

namespace modelrun::sandbox {
namespace {

constexpr std::string_view kModelFiles = ".modelrun/models";

bool is_output(const OutputFile& file) {
  return file.path.ends_with(".json") && file.path.size() > 5 && file.path.find('/') == std::string::npos;
}

// True for .modelrun/models/MODEL/KEY.json. `file` is known to be below .modelrun/models.
bool is_model_file(const OutputFile& file) {
  return file.path.ends_with(".json") && std::ranges::count(file.path, '/') == 3 && !file.path.ends_with("/.json");
}

// Files that define outputs are never left out quietly: which of them the listing met first is chance.
void complain_if_cut(const Listing& listing, std::string_view what, const WalkLimits& limits, OutputMerger& merger) {
  if (!listing.outputs_cut) return;
  merger.complain("OutputsTooLarge",
                  fmt::format("{} more entries than can be listed: at most {}, and {} bytes of names, are read", what,
                              limits.entries, limits.name_bytes));
}

}  // namespace

Collected collect_outputs(const std::string& root, const CollectLimits& limits) {
  Warnings warnings;
  Collected out;
  const auto tree = OutputTree::open(root);
  if (!tree) {
    out.warning = fmt::format("outputs could not be read: {}", tree.error().message);
    return out;
  }
  Listing all = tree->list(limits.walk, warnings);
  Listing of_models = tree->list(limits.walk, warnings, std::string(kModelFiles));
  std::erase_if(of_models.files, [](const OutputFile& file) { return !is_model_file(file); });
  const auto first_artifact = std::ranges::stable_partition(all.files, is_output).begin();
  const std::vector<OutputFile> others(std::make_move_iterator(first_artifact),
                                       std::make_move_iterator(all.files.end()));
  all.files.erase(first_artifact, all.files.end());

  OutputMerger merger(*tree, limits.outputs);
  merger.take_error();
  complain_if_cut(all, "/outputs holds", limits.walk, merger);
  complain_if_cut(of_models, "the pipeline's models left", limits.walk, merger);
  if (merger.fits(all.files, of_models.files)) {
    merger.take_result();
    for (const OutputFile& file : all.files) merger.take_file(file);
    for (const OutputFile& file : of_models.files) merger.take_model_file(file);
  }
  out.outputs = merger.finish();
  out.error = merger.take_found_error();
  out.failure = merger.failure();
  CollectedArtifacts artifacts = collect_artifacts(*tree, others, limits.artifacts);
  out.artifacts = std::move(artifacts.list);
  out.artifact_loss = std::move(artifacts.loss);
  if (all.cut) {
    out.artifact_loss += fmt::format("{}some files below /outputs are not listed, see the warning",
                                     out.artifact_loss.empty() ? "artifacts were not kept: " : "; ");
  }
  // The program's own warnings come first, but not at the cost of what is counted at the end of the others.
  const std::string counted = warnings.text();
  const std::string own = merger.harness_warning();
  out.warning = own.empty() || counted.empty() ? own + counted : fmt::format("{}; {}", own, counted);
  return out;
}

}  // namespace modelrun::sandbox
