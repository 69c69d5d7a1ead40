#include "worker/turn_maker.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "worker/turn_run.h"

namespace handoff::worker {
namespace {

bool Lists(const std::vector<TurnWish>& wishes, uint64_t number) {
  return std::any_of(wishes.begin(), wishes.end(),
                     [&](const TurnWish& wish) { return wish.number == number; });
}

}  // namespace

TurnMaker::~TurnMaker() { Stop(); }

void TurnMaker::Start() {
  thread_ = std::jthread([this] { Run(); });
}

void TurnMaker::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    interrupt_->Raise();
  }
  woken_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

void TurnMaker::Want(const std::vector<TurnWish>& wishes) {
  {
    MutexLock lock(mutex_);
    wishes_ = wishes;
    std::erase_if(made_, [&](const auto& made) { return !Lists(wishes, made.first); });
    if (at_ != 0 && !Lists(wishes, at_)) interrupt_->Raise();
  }
  woken_.NotifyAll();
}

std::vector<TurnResult> TurnMaker::Results() const {
  std::vector<TurnResult> results;
  MutexLock lock(mutex_);
  for (const auto& [number, turn] : made_) results.push_back({number, turn});
  return results;
}

const TurnWish* TurnMaker::Next() const {
  for (const TurnWish& wish : wishes_) {
    if (made_.count(wish.number) == 0) return &wish;
  }
  return nullptr;
}

std::optional<TurnWish> TurnMaker::Await() {
  MutexLock lock(mutex_);
  at_ = 0;
  while (!stopping_ && Next() == nullptr) woken_.Wait(mutex_);
  if (stopping_) return std::nullopt;
  interrupt_ = std::make_shared<Signal>();
  at_ = Next()->number;
  return *Next();
}

void TurnMaker::Run() {
  EndEarlierTurn(around_);
  while (const std::optional<TurnWish> wish = Await()) {
    std::shared_ptr<Signal> interrupt;
    {
      MutexLock lock(mutex_);
      interrupt = interrupt_;
    }
    auto turn = MakeTurn(around_, *wish, around_.config.turn_limit, *interrupt);
    if (!turn.ok()) continue;  // it is not listed any more, or all is over
    SPDLOG_INFO("made one turn of {}, as somebody asked", wish->agent);
    {
      MutexLock lock(mutex_);
      if (Lists(wishes_, wish->number)) made_[wish->number] = *std::move(turn);
    }
    changed_();
  }
}

}  // namespace handoff::worker
