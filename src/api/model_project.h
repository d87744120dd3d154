// modelrun.dev/v1alpha1 ModelProject: where a project's models are and how its runs are to be run.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "api/condition.h"
#include "api/object_meta.h"

namespace modelrun::api {

struct GitSource {
  std::string url;
  std::string default_branch;
  std::string secret_name;
};

// Fields that go into the pod as they are stay JSON: the CRD's schema has checked their shape.
struct RuntimeSpec {
  std::string image;
  std::string image_pull_policy;
  nlohmann::json image_pull_secrets = nlohmann::json::array();
  std::vector<std::string> command;
  nlohmann::json env = nlohmann::json::array();
  nlohmann::json resources = nlohmann::json::object();
  std::string runtime_class_name;
  nlohmann::json node_selector = nlohmann::json::object();
  nlohmann::json tolerations = nlohmann::json::array();
  std::string priority_class_name;
  std::optional<bool> host_users;
};

struct DataSpec {
  std::string claim_name;
  std::string config_map;
  std::string snapshot_ref;
};

struct LimitsSpec {
  std::optional<std::int64_t> timeout_seconds;
  std::int64_t pending_seconds = 600;
  std::optional<std::int64_t> queue_seconds;
  std::int64_t attempts = 3;
  std::int64_t stdout_bytes = 256 * 1024;
  std::int64_t output_bytes = 1024 * 1024;
  std::optional<std::int64_t> max_concurrent_runs;
};

struct HistorySpec {
  std::int64_t pod_seconds = 300;
  std::optional<std::int64_t> successful;
  std::optional<std::int64_t> failed;
  std::optional<std::int64_t> ttl_seconds;
  bool include_applied = false;
};

// A run that holds a number and, until it has ended, a concurrency slot.
struct ActiveRun {
  std::string uid;
  std::string name;
  std::int64_t number = 0;
  // Of the run when it was admitted: what changes later is cancel or suspend. 0: by an operator that did not say.
  std::int64_t generation = 0;
  friend bool operator==(const ActiveRun&, const ActiveRun&) = default;
};

struct ModelProjectStatus {
  std::int64_t observed_generation = -1;
  std::int64_t last_run_number = 0;
  std::vector<ActiveRun> active;
  std::int64_t queued_runs = 0;
  std::string default_branch;
  std::string last_commit;
  Conditions conditions;
  friend bool operator==(const ModelProjectStatus&, const ModelProjectStatus&) = default;
};

struct ModelProject {
  ObjectMeta meta;
  GitSource git;
  RuntimeSpec runtime;
  DataSpec data;
  LimitsSpec limits;
  HistorySpec history;
  bool suspend = false;
  // spec as it stands in the object, less history and suspend: what a run keeps from its admission on.
  std::optional<nlohmann::json> run_settings;
  ModelProjectStatus status;
};

ModelProject decode_model_project(const nlohmann::json& object);
nlohmann::json encode_status(const ModelProjectStatus& status);

}  // namespace modelrun::api
