// How an attempt ended, judged from the evidence. Pure.
//
// `exec`'s own exit record wins over what the kubelet says: after a child's OOM kill the kubelet says OOMKilled of a
// process that exited 3 by itself. An end without an exit record is judged only once the container's status is there.
#pragma once

#include <optional>
#include <string>

#include "api/model_run.h"
#include "api/sandbox.h"
#include "api/workload.h"

namespace modelrun::controller {

struct Verdict {
  api::Phase phase = api::Phase::kFailed;
  std::string reason;
  std::string message;
  std::optional<int> exit_code;
  // The attempt was lost to the infrastructure, not to the model: another attempt may be made.
  bool retryable = false;
};

// A frame whose exit record says how the model ended; nothing when it is only evidence.
// `cancel_cause`: as in Remains.
std::optional<Verdict> judge_frame(const api::ResultFrame& frame, std::int64_t timeout_seconds,
                                   const std::string& cancel_cause = {});

struct Remains {
  const api::PodView* pod = nullptr;        // null: it is gone
  const api::ResultFrame* frame = nullptr;  // evidence, when there is any
  bool job_gone = false;
  bool started = false;      // the source was given out
  std::string cancel_cause;  // why the run is to be cancelled, as a message; empty: it is not
  std::int64_t timeout_seconds = 0;
};

// An attempt that is over without a verdict of its own.
Verdict judge_remains(const Remains& remains);

// "SIGSEGV" for 11; "signal 70" for what has no name.
std::string signal_name(int signal);

}  // namespace modelrun::controller
