// The run server's door to the controller: what a pod may ask for, and when it is answered.
//
// The gate decides nothing about a run: it puts what came into the inbox and has the run looked at. Answers come when a
// status has been committed that they follow from. So "the source was granted" and "the result was taken" are never
// said before the API server holds them.
#pragma once

#include <atomic>
#include <functional>

#include "controller/context.h"
#include "runserver/handler.h"

namespace modelrun::controller {

// Thread-safe.
class RunGate final : public runserver::Handler {
 public:
  explicit RunGate(const Context& context) : context_(context) {}

  void set_leading(bool leading) { leading_ = leading; }
  [[nodiscard]] bool leading() const override { return leading_; }

  void claim(runserver::AttemptRef attempt, runserver::PodIdentity pod,
             std::function<void(Result<std::shared_ptr<const source::Archive>>)> done) override;
  void submit(runserver::AttemptRef attempt, runserver::PodIdentity pod, api::ResultFrame frame,
              std::function<void(Result<void>)> done) override;
  std::unique_ptr<runserver::OrderWatch> watch_orders(runserver::AttemptRef attempt, runserver::PodIdentity pod,
                                                      std::function<void(Result<runserver::Order>)> done) override;

 private:
  Result<std::shared_ptr<const api::ModelRun>> find(const runserver::AttemptRef& attempt,
                                                    const runserver::PodIdentity& pod) const;

  const Context& context_;
  std::atomic<bool> leading_{false};
};

}  // namespace modelrun::controller
