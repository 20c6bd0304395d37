// The end of a call that does not end by itself.
#pragma once

#include <grpc/grpc.h>
#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>

#include <chrono>

namespace cordon {

// Cancels a call after a while, if it lives so long: a write that waits for a client who does not
// read has no other end. The call's reactor owns it.
class CutOff {
 public:
  CutOff(grpc::CallbackServerContext* context, std::chrono::milliseconds after) {
    // The alarm may go off while the reactor goes: it holds the call, not the reactor's context.
    grpc_call* const call = context->c_call();
    grpc_call_ref(call);
    alarm_.Set(std::chrono::system_clock::now() + after, [call](bool expired) {
      if (expired) grpc_call_cancel(call, nullptr);
      grpc_call_unref(call);
    });
  }

 private:
  grpc::Alarm alarm_;  // its end cancels it
};

}  // namespace cordon
