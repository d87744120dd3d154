// A manifest to the ModelRun that is sent. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/error.h"

namespace modelrun::cli {

struct ManifestPlace {
  std::string source;            // names the manifest in errors: "run.yaml"
  std::string namespace_;        // of the context
  bool namespace_given = false;  // by -n: then a manifest that names another one is refused
};

// YAML or JSON that holds one ModelRun. Without metadata.name it gets generateName "<project>-"; the label
// modelrun.dev/created-by=cli is added and `status` dropped. What the spec may hold is for the API server to say.
Result<nlohmann::json> read_manifest(const ManifestPlace& place, std::string_view text);

}  // namespace modelrun::cli
