#pragma once

/// What the data plane answers without a model: the models of a key, its records and receipts, the public
/// log, and whether the gateway is alive and ready.

#include "gateway/gateway.h"

namespace ciyuan::gateway {

/// GET /v1/models[/NAME], /ciyuan/v1/records/ID[/receipt], /checkpoint, /tile/…, /healthz, /readyz.
http::Response answer_read(Worker& worker, const http::RequestHead& head);

}  // namespace ciyuan::gateway
