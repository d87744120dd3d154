// Receives the requests of pods from the run server, and checks that each pod belongs to the attempt it names.
//
// The gate decides nothing about a run. It puts a request into the inbox and adds the run to the work queue. The
// request is answered once a status that implies the answer is in the API server. A pod is therefore never told that
// the source is granted, or that the result is taken, before the API server holds that fact.
#pragma once

#include <functional>

#include "controller/caches/caches.h"
#include "controller/term.h"
#include "runserver/handler.h"

namespace modelrun::controller {

// Thread-safe; no function blocks. Keeps references to the constructor's arguments, which must outlive the gate.
// Requests go to the term of leadership that is current when they come, and wait for nothing beyond its end.
//
// The functions follow the contract of runserver::Handler. A request is answered at once, with an error, if the pod
// is not one of the attempt:
// - kUnavailable: the caches do not know the run, the attempt, the pod or its Job yet. The agent asks again.
// - kConflict: the run is over, or a later attempt has begun. For watch_orders() the answer is Order::kOver instead.
// - kDenied: the pod does not belong to the attempt.
//
// A claim that is granted fails with kConflict if the run's project is gone by then, and with kUnavailable if the
// source cannot be had now; the reconciler is told too, and ends the attempt if that lasts.
class RunGate final : public runserver::Handler {
 public:
  RunGate(const Caches& caches, const CurrentTerm& term) : caches_(caches), term_(term) {}

  [[nodiscard]] bool leading() const override { return term_.leading(); }

  void claim(runserver::AttemptRef attempt, runserver::PodIdentity pod,
             std::function<void(Result<std::shared_ptr<const source::Archive>>)> done) override;
  void submit(runserver::AttemptRef attempt, runserver::PodIdentity pod, api::ResultFrame frame,
              std::function<void(Result<void>)> done) override;
  void points(runserver::AttemptRef attempt, runserver::PodIdentity pod,
              std::function<void(Result<std::string>)> done) override;
  void rows(runserver::AttemptRef attempt, runserver::PodIdentity pod, api::RowReport report,
            std::function<void(Result<api::RowReceipt>)> done) override;
  std::unique_ptr<runserver::LongPoll> watch_orders(runserver::AttemptRef attempt, runserver::PodIdentity pod,
                                                    std::function<void(Result<runserver::Order>)> done) override;
  std::unique_ptr<runserver::LongPoll> await_work(runserver::StandbyRef standby, runserver::PodIdentity pod,
                                                  std::function<void(Result<runserver::GivenWork>)> done) override;

 private:
  [[nodiscard]] Result<void> check_standby(const runserver::StandbyRef& standby,
                                           const runserver::PodIdentity& pod) const;
  Result<std::shared_ptr<const api::ModelRun>> find(const runserver::AttemptRef& attempt,
                                                    const runserver::PodIdentity& pod) const;

  // The run if `pod` executes the attempt: its UID is in status.
  Result<std::shared_ptr<const api::ModelRun>> find_executing(const runserver::AttemptRef& attempt,
                                                              const runserver::PodIdentity& pod) const;

  const Caches& caches_;
  const CurrentTerm& term_;
};

}  // namespace modelrun::controller
