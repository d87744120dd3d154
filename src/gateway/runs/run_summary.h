// How the gateway names runs and projects, and the summary that it keeps of every run.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "api/model_run.h"
#include "base/clock.h"

namespace modelrun::gateway {

// On a run that a second call has asked for while it was under way (NewRun::shared). Its value does not matter.
inline constexpr std::string_view kLabelShared = "modelrun.dev/shared";

struct ProjectRef {
  std::string namespace_;
  std::string name;
};

struct RunKey {
  std::string namespace_;
  std::string name;
  std::string uid;  // clients call it run_id
};

// The few fields of a run that lists and waiting calls need. Memory matters: there is one for each run in the cluster.
struct RunSummary {
  RunKey key;
  std::uint64_t version = 0;  // resourceVersion
  std::string project;
  std::string model;
  std::string branch;  // empty: the default, and not looked up yet; or a commit was named
  api::Phase phase = api::Phase::kNone;
  bool shared = false;      // whether it has the label kLabelShared
  std::int64_t number = 0;  // in its project, from 1; 0: not given yet
  std::string commit;       // empty: not pinned yet
  std::string message, warning;
  Time created{};
  std::optional<Time> started, finished;
};

RunSummary summarize(const api::ModelRun& run);

}  // namespace modelrun::gateway
