// The contract between the operator and a standby pod: a pod that is ready to execute a run before there is one. It has
// the containers, paths and requests of a run's pod (api/sandbox.h); this header has what is different. Pure and
// thread-safe.
//
// A standby belongs to a project. Its agent asks the run server for work once the sandbox of `model` stands and its
// interpreter has loaded the preloaded modules. The answer names the run that has adopted the pod, and is the permit to
// execute it. From then on the pod is the pod of that attempt, and ends with it: a standby is used once.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/model_run.h"
#include "base/error.h"

namespace modelrun::api {

// ---- Labels of a standby's Job, which an adopted one keeps --------------------------------------------------------
// Its value: the digest of the settings that the standby was built from, 32 hex digits.
inline constexpr std::string_view kLabelStandby = "modelrun.dev/standby";
// The value of the label kLabelRunUid of a standby's pod, adopted or not, by which NetworkPolicies select the pods of
// runs. The label of its Job has the UID of the run that has adopted it; before, the Job has none.
inline constexpr std::string_view kRunUidOfStandby = "standby";

// ---- Environment --------------------------------------------------------------------------------------------------
// Of the agent, instead of the name, the UID and the attempt of a run: the name of the standby's Job.
inline constexpr const char* kEnvStandby = "MODELRUN_STANDBY";
// Of the model container; `exec` takes it out: what to do before there is work.
inline constexpr const char* kEnvPrepare = "MODELRUN_PREPARE";
inline constexpr std::string_view kPrepareHarness = "harness";  // start the Python harness, which preloads and waits
inline constexpr std::string_view kPrepareNothing = "nothing";  // start the program when the work has come
// Of the model container, for the harness, which takes it out: the Python modules to import, separated by commas, or
// kPreloadDefault for those of numpy and pandas that the image has.
inline constexpr const char* kEnvPreload = "MODELRUN_PRELOAD";
inline constexpr std::string_view kPreloadDefault = "*";

// ---- Run server ---------------------------------------------------------------------------------------------------
// POST kStandbyPrefix + "{namespace}/{name of the standby's Job}/work", authorised as the requests of an attempt. A
// long poll:
//   200  One line with a Work as JSON (encode_work()), '\n', and then the source as P/source gives it; kDigestHeader
//   has
//        the digest of the source alone. The same pod gets the same answer again if it asks again.
//   204  There was no work within 25 s; ask again.
//   409  There will be none: the pod must end.
// Other answers have the meaning that they have for an attempt.
inline constexpr std::string_view kStandbyPrefix = "/v1/standbys/";
// The line's length without the '\n' is at most this: the parameters, of which JSON may escape every byte, and the
// rest.
inline constexpr std::size_t kMaxWorkBytes = 4U << 20U;

// What a standby is given to do.
struct Work {
  std::string run_name;
  std::string run_uid;
  int attempt = 0;  // counted from 1
  std::string entry_point;
  std::chrono::seconds timeout{0};
  // The variables of the run, which a pod that is made for a run has from its beginning.
  std::vector<std::pair<std::string, std::string>> environment;
  std::optional<std::string> parameters;  // the text of /inputs/parameters.json; absent: there is no such file
  bool points = false;                    // the run has points (api/points.h): ask for them
};

std::string encode_work(const Work& work);  // one line, without '\n'
// Returns kInvalid when `line` is not a Work.
Result<Work> decode_work(std::string_view line);

// The variables of a run that the model sees (kEnvRunId and following in api/sandbox.h).
std::vector<std::pair<std::string, std::string>> run_environment(const ModelRun& run);

}  // namespace modelrun::api
