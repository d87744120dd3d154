// Turns a manifest (the file of `run -f`) into the ModelRun object that is sent to the API server. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/error.h"

namespace modelrun::cli {

struct ManifestPlace {
  std::string source;            // what errors call the manifest, such as "run.yaml"
  std::string namespace_;        // for a manifest that names none: -n, else the context's namespace
  bool namespace_given = false;  // namespace_ comes from -n: a manifest that names a different one is refused
};

// Reads `text`, which must hold exactly one ModelRun as YAML or JSON. The result has a namespace, the label
// modelrun.dev/created-by=cli, and no `status`. If the manifest has neither metadata.name nor metadata.generateName,
// the result has the generateName "<project>-". The spec is not checked here; the API server checks it.
//
// Every failure is kInvalid and names `place.source`: not YAML or JSON as parse_yaml() and api::parse_strict() accept
// it, no document or several, another apiVersion or kind, a namespace that contradicts -n, metadata or labels that
// are not a mapping, or neither a name nor a spec.project to make one from.
Result<nlohmann::json> read_manifest(const ManifestPlace& place, std::string_view text);

}  // namespace modelrun::cli
