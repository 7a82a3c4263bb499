// stream/detail/side_thread.hpp: a thread that does one job at a time for somebody who goes on meanwhile.
// Private to stream/tailer.hpp.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

namespace noetl::stream::detail {

/// start() and wait() are for one thread. The destructor waits for the job.
class side_thread {
public:
   side_thread() : thread_([this] { serve(); }) {}
   ~side_thread() {
      {
         std::lock_guard lock(mutex_);
         stopping_ = true;
      }
      wake_.notify_all();
      thread_.join();
   }
   side_thread(side_thread const&) = delete;
   side_thread& operator=(side_thread const&) = delete;

   /// Waits for the previous job, then runs this one beside the caller. It must not throw.
   void start(std::function<void()> job) {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return !job_; });
      job_ = std::move(job);
      wake_.notify_all();
   }
   /// Waits until nothing runs.
   void wait() {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return !job_; });
   }

private:
   void serve() {
      std::unique_lock lock(mutex_);
      for (;;) {
         wake_.wait(lock, [&] { return stopping_ || job_; });
         if (!job_) return;
         auto const& job = job_;
         lock.unlock();
         job();
         lock.lock();
         job_ = nullptr;
         wake_.notify_all();
      }
   }

   std::mutex mutex_;
   std::condition_variable wake_;
   std::function<void()> job_;
   bool stopping_ = false;
   std::thread thread_;
};

} // namespace noetl::stream::detail
