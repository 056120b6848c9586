#pragma once

// The names in base/crypto.h. Of its functions there is sha256() alone: packages/native/sha256.cc.

struct evp_md_ctx_st;
struct evp_pkey_st;
using EVP_MD_CTX = evp_md_ctx_st;
using EVP_PKEY = evp_pkey_st;
