// pg/detail/batch_step.hpp: what a writer does with a batch that failed. Rules only: no database, no clock.
#pragma once

#include <cstddef>
#include <cstdint>

#include <noetl/pg/connection.hpp>

namespace noetl::pg::detail {

enum class batch_step : std::uint8_t {
   repeat,     // as it is, at once
   pause,      // as it is, after a moment
   halves,     // in two transactions
   one_by_one, // in a transaction for each request
   refuse,     // not again
};

// One of several attempts to write one batch.
struct batch_attempt {
   std::size_t size = 1; // requests
   int number = 1;       // 1, 2, 3, ...
   bool waited = false;  // an earlier attempt suffered a lock time-out
};

// After the database refused the transaction. Halves, and halves of halves, find one culprit among n in about 2 log n
// transactions; single requests are better when every failure costs a lock time-out.
// \param once_more  the only request of the batch asks for it
inline batch_step after_refusal(batch_attempt const& failed, sql_error const& e, bool once_more) {
   bool const several = failed.size > 1;
   if (e.is("55P03")) {
      // A lock that somebody holds for long hits a few requests; the others must not wait with them.
      if (several) return failed.waited ? batch_step::one_by_one : batch_step::repeat;
   } else if (e.transient() && failed.number < 5) {
      return batch_step::pause;
   }
   if (several) return batch_step::halves;
   return once_more && failed.number < 3 ? batch_step::repeat : batch_step::refuse;
}

// Connections lost in a row after which no request is the culprit: whatever is written, the connection goes.
inline constexpr int most_losses = 5;

// After the connection was lost before COMMIT: nothing was written. One of the requests may be why, or their sum.
// \param losses  in a row, this one included
constexpr batch_step after_loss(std::size_t size, int losses) noexcept {
   if (losses >= most_losses) return batch_step::refuse;
   if (size > 1) return losses < 2 ? batch_step::repeat : batch_step::one_by_one;
   return losses < 3 ? batch_step::repeat : batch_step::refuse;
}

} // namespace noetl::pg::detail
