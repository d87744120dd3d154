#include "cli/manifest.h"

#include <vector>

#include "api/json_access.h"
#include "api/model_run.h"
#include "api/strict_json.h"
#include "cli/yaml.h"

namespace modelrun::cli {
namespace {

using nlohmann::json;

Result<json> parse_one(const ManifestPlace& place, std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin != std::string_view::npos && text[begin] == '{') {
    auto document = api::parse_strict(text);
    if (document) return document;
    // A mapping in YAML's flow style begins with '{' too. Valid JSON that parse_strict() refuses must stay refused:
    // the YAML parser could let it pass.
    if (const auto yaml = parse_yaml(text); yaml && yaml->size() == 1 && !json::accept(text)) return yaml->front();
    return fail_in(place.source, document.error());
  }
  auto documents = parse_yaml(text);
  if (!documents) return fail_in(place.source, documents.error());
  if (documents->empty()) return fail(ErrorKind::kInvalid, "{}: nothing in it; a ModelRun is wanted", place.source);
  if (documents->size() > 1) {
    return fail(ErrorKind::kInvalid, "{}: {} documents; `run` takes one ModelRun. Use kubectl apply for the others",
                place.source, documents->size());
  }
  return std::move(documents->front());
}

Result<void> check_kind(const ManifestPlace& place, const json& object) {
  const std::string version = api::text_at(object, "apiVersion");
  const std::string kind = api::text_at(object, "kind");
  if (version == api::kApiVersion && kind == "ModelRun") return {};
  return fail(ErrorKind::kInvalid, "{}: apiVersion '{}', kind '{}': a ModelRun ({}) is wanted", place.source, version,
              kind, api::kApiVersion);
}

Result<void> place_object(const ManifestPlace& place, json& metadata) {
  const std::string stated = api::text_at(metadata, "namespace");
  if (place.namespace_given && !stated.empty() && stated != place.namespace_) {
    return fail(ErrorKind::kInvalid, "{}: its namespace is '{}', but -n says '{}': leave one of them out", place.source,
                stated, place.namespace_);
  }
  if (stated.empty()) metadata["namespace"] = place.namespace_;
  return {};
}

}  // namespace

Result<json> read_manifest(const ManifestPlace& place, std::string_view text) {
  auto parsed = parse_one(place, text);
  if (!parsed) return parsed;
  json object = std::move(*parsed);
  if (!object.is_object())
    return fail(ErrorKind::kInvalid, "{}: not a ModelRun but {}", place.source, object.type_name());
  RETURN_IF_ERROR(check_kind(place, object));
  json& metadata = object["metadata"];
  if (metadata.is_null()) metadata = json::object();
  if (!metadata.is_object()) return fail(ErrorKind::kInvalid, "{}: metadata must be a mapping", place.source);
  RETURN_IF_ERROR(place_object(place, metadata));
  if (api::text_at(metadata, "name").empty() && api::text_at(metadata, "generateName").empty()) {
    const std::string project = api::text_at(api::member(object, "spec"), "project");
    if (project.empty()) {
      return fail(ErrorKind::kInvalid, "{}: spec.project must name the ModelProject to run", place.source);
    }
    metadata.erase("name");
    metadata["generateName"] = project + "-";
  }
  json& labels = metadata["labels"];
  if (labels.is_null()) labels = json::object();
  if (!labels.is_object()) return fail(ErrorKind::kInvalid, "{}: metadata.labels must be a mapping", place.source);
  labels[std::string(api::kLabelCreatedBy)] = "cli";
  object.erase("status");
  return object;
}

}  // namespace modelrun::cli
