// What the run server has brought in and the reconciler has not settled yet, and the short-lived notes about each run
// that no object records. All of it may be lost at any moment: the API server and the agent's durable copy hold what
// matters.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/model_run.h"
#include "api/sandbox.h"
#include "base/error.h"
#include "controller/observed.h"
#include "runserver/handler.h"

namespace modelrun::controller {

// Thread-safe. Runs are named by uid. Callbacks are called without a lock held.
class Inbox {
 public:
  using GrantFn = std::function<void(Result<void>)>;  // success: the pod stands in the run's status
  using DoneFn = std::function<void(Result<void>)>;
  using OrderFn = std::function<void(Result<runserver::Order>)>;

  // From the run server. Each is answered by settle(), or by forget().
  void claim(const std::string& uid, Claim claim, GrantFn done);
  void submit(const std::string& uid, std::string pod_uid, api::ResultFrame frame, DoneFn done);
  // The watch ends when the returned object is destroyed.
  std::unique_ptr<runserver::OrderWatch> watch_orders(const std::string& uid, int attempt, std::string pod_uid,
                                                      const OrderFn& done);

  // From the reconciler.
  struct Notes {
    std::vector<Claim> claims;
    std::optional<api::ResultFrame> frame;
    bool durable_final = false;
    bool job_seen = false;
    bool job_foreign = false;
    bool children_ensured = false;
    std::string job_error;
    std::string payload_error;
    std::map<Mark, Time> marks;
  };
  // What is known of the current attempt of `run`. Frames of other attempts and pods are not shown.
  Notes read(const api::ModelRun& run);
  void put_durable(const std::string& uid, int attempt, std::optional<api::ResultFrame> frame, bool last);
  // How often reading the durable copy of this attempt has failed; counts this call.
  int durable_failed(const std::string& uid, int attempt);
  // The API server has refused the payload of this attempt. After kPayloadTries calls the notes say so.
  void payload_refused(const std::string& uid, int attempt, std::string error);
  void set_mark(const std::string& uid, int attempt, Mark mark, Time now, bool again);
  void set_job(const std::string& uid, int attempt, bool foreign, std::string error);
  void set_job_seen(const std::string& uid, int attempt);
  void order_cancel(const std::string& uid, int attempt);
  // Answers everybody whose answer follows from the committed status of `run`.
  void settle(const api::ModelRun& run);
  // The run is over or gone.
  void forget(const std::string& uid);

 private:
  struct Pending;
  struct Entry;
  class Watch;
  Entry& entry_locked(const std::string& uid, int attempt);
  void end_watch(const std::string& uid, std::uint64_t id);

  std::mutex mutex_;  // guards all that follows
  std::map<std::string, std::shared_ptr<Entry>> entries_;
  std::uint64_t next_id_ = 1;
};

}  // namespace modelrun::controller
