/* SPDX-License-Identifier: Apache-2.0 */
/* SCRAM's four messages: the grammar of RFC 5802 section 7, and the proof of section 3. */
#include "auth/scram_exchange.h"

#include "base/codec.h"
#include "base/random.h"
#include "base/utf8.h"

#define NONCE_BYTES 18 /* the server's part; 24 characters */
#define NONCE_MAX 512  /* characters of the client's */

/* ---- grammar ---- */

/* printable: %x21-2B / %x2D-7E. */
static bool
nonce_ok(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x21 || s.p[i] > 0x7e || s.p[i] == ',')
			return false;
	return s.n > 0 && s.n <= NONCE_MAX;
}

/* cb-name: letters, digits, "." and "-". */
static bool
binding_ok(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_alpha(s.p[i]) && !ascii_digit(s.p[i]) && s.p[i] != '.' && s.p[i] != '-')
			return false;
	return s.n > 0;
}

/* saslname: no "," (it was split there), no NUL, "=2C" and "=3D" for "," and "=", UTF-8. */
static bool
name_decode(struct buf *out, struct str s)
{
	if (s.n == 0 || str_chr(s, '\0') < s.n || !utf8_valid(s))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		struct str rest = str_from(s, i);

		if (s.p[i] != '=') {
			buf_addc(out, s.p[i]);
			continue;
		}
		if (str_starts(rest, STR("=2C")))
			buf_addc(out, ',');
		else if (str_starts(rest, STR("=3D")))
			buf_addc(out, '=');
		else
			return false;
		i += 2;
	}
	return true;
}

/* The next attribute, if it is this one. */
static bool
attribute(struct str *rest, char name, struct str *value_r)
{
	struct str piece;

	if (rest->n < 2 || rest->p[0] != name || rest->p[1] != '=' || !str_split(rest, ',', &piece))
		return false;
	*value_r = str_from(piece, 2);
	return true;
}

/* attr-val: ALPHA "=" 1*value-char. What follows is ignored (section 5.1), but it has to be that. */
static bool
extension_ok(struct str s)
{
	return s.n > 2 && ascii_alpha(s.p[0]) && s.p[1] == '=' && str_chr(s, '\0') == s.n && utf8_valid(s);
}

static bool
extensions_ok(struct str rest)
{
	struct str piece;

	while (rest.p != NULL && str_split(&rest, ',', &piece))
		if (!extension_ok(piece))
			return false;
	return true;
}

/* gs2-header: ("p=" cb-name / "n" / "y") "," ["a=" saslname] ",". */
static bool
gs2_header(struct scram_exchange *x, struct str *rest)
{
	struct str whole = *rest, flag, authzid;

	if (!str_split(rest, ',', &flag) || rest->p == NULL || !str_split(rest, ',', &authzid) || rest->p == NULL)
		return false;
	buf_add(&x->header, str_head(whole, whole.n - rest->n));
	if (str_starts(flag, STR("p=")) && binding_ok(str_from(flag, 2))) {
		x->flag = SCRAM_BINDS;
		x->binding = str_head(str_from(buf_str(&x->header), 2), flag.n - 2);
	} else if (str_eq(flag, STR("y"))) {
		x->flag = SCRAM_UNSEEN;
	} else if (!str_eq(flag, STR("n"))) {
		return false;
	}
	return authzid.n == 0 || (str_starts(authzid, STR("a=")) && name_decode(&x->authzid, str_from(authzid, 2)));
}

enum status
scram_first(struct scram_exchange *x, struct str message)
{
	struct str rest = message, user, nonce;

	/* People write passwords where the name belongs. */
	x->user.secret = x->authzid.secret = x->header.secret = x->bare.secret = true;
	if (message.n == 0 || !gs2_header(x, &rest))
		return ERR_BAD_INPUT;
	buf_add(&x->bare, rest);
	rest = buf_str(&x->bare);
	/* "m=", an extension that has to be understood, would stand before the name: none is. */
	if (!attribute(&rest, 'n', &user) || rest.p == NULL || !name_decode(&x->user, user) || !attribute(&rest, 'r', &nonce))
		return ERR_BAD_INPUT;
	if (!nonce_ok(nonce) || !extensions_ok(rest))
		return ERR_BAD_INPUT;
	x->nonce = nonce;
	return OK;
}

void
scram_challenge(struct scram_exchange *x, const struct scram_keys *keys, struct buf *out)
{
	uint8_t nonce[NONCE_BYTES];

	random_bytes(nonce, sizeof(nonce));
	buf_adds(&x->first, "r=");
	buf_add(&x->first, x->nonce);
	base64_encode(&x->first, str_of(nonce, sizeof(nonce)));
	buf_adds(&x->first, ",s=");
	base64_encode(&x->first, str_of(keys->salt, keys->salt_len));
	buf_addf(&x->first, ",i=%u", keys->iterations);
	buf_add(out, buf_str(&x->first));
}

/* ---- the proof ---- */

struct final {
	struct str channel, nonce, proof; /* base64, as it is, base64 */
	struct str without_proof;
};

/* channel-binding "," nonce ["," extensions] "," proof. */
static bool
read_final(struct str message, struct final *f)
{
	struct str rest = message, piece, last = STR_NONE;

	if (!attribute(&rest, 'c', &f->channel) || rest.p == NULL || !attribute(&rest, 'r', &f->nonce) || rest.p == NULL)
		return false;
	while (rest.p != NULL && str_split(&rest, ',', &piece)) {
		if (last.p != NULL && !extension_ok(last))
			return false;
		last = piece;
	}
	if (!str_starts(last, STR("p=")))
		return false;
	f->proof = str_from(last, 2);
	f->without_proof = str_head(message, message.n - last.n - 1);
	return true;
}

/* The nonce of the server's first message, both parts. */
static struct str
whole_nonce(const struct scram_exchange *x)
{
	struct str s = str_from(buf_str(&x->first), 2);

	return str_head(s, str_chr(s, ','));
}

/* "c=": the GS2 header again, and what the channel is bound by (section 6). */
static enum status
channel_same(const struct scram_exchange *x, struct str channel, struct str given)
{
	struct buf want = {0}, got = {0};
	enum status st = base64_decode(&got, given) == OK ? OK : ERR_BAD_INPUT;

	buf_add(&want, buf_str(&x->header));
	if (x->flag == SCRAM_BINDS)
		buf_add(&want, channel);
	if (st == OK && !str_eq_secret(buf_str(&want), buf_str(&got)))
		st = ERR_NO_PERM;
	buf_free(&want);
	buf_free(&got);
	return st;
}

/* H(ClientProof XOR HMAC(StoredKey, AuthMessage)) is the StoredKey. */
static enum status
proof_right(const struct scram_keys *keys, struct str auth_message, struct str proof)
{
	uint8_t key[SCRAM_HASH_MAX], hash[SCRAM_HASH_MAX];
	size_t size = scram_size(keys->hash);
	struct buf given = {0};
	enum status st = ERR_BAD_INPUT;

	if (base64_decode(&given, proof) == OK && given.n == size) {
		scram_hmac(keys->hash, key, str_of(keys->stored_key, size), auth_message);
		for (size_t i = 0; i < size; i++)
			key[i] ^= (uint8_t)given.p[i];
		scram_digest(keys->hash, hash, str_of(key, size));
		st = str_eq_secret(str_of(hash, size), str_of(keys->stored_key, size)) ? OK : ERR_NO_PERM;
		explicit_bzero(key, sizeof(key));
	}
	buf_free(&given);
	return st;
}

enum status
scram_final(struct scram_exchange *x, const struct scram_keys *keys, struct str channel, struct str message, struct buf *out)
{
	uint8_t signature[SCRAM_HASH_MAX];
	struct buf all = {.secret = true};
	struct final f = {0};
	enum status bound, st;

	if (!read_final(message, &f) || !str_eq(f.nonce, whole_nonce(x)))
		return ERR_BAD_INPUT;
	buf_add(&all, buf_str(&x->bare));
	buf_addc(&all, ',');
	buf_add(&all, buf_str(&x->first));
	buf_addc(&all, ',');
	buf_add(&all, f.without_proof);
	bound = channel_same(x, channel, f.channel);
	st = proof_right(keys, buf_str(&all), f.proof);
	if (st == OK)
		st = bound;
	if (st == OK) {
		scram_hmac(keys->hash, signature, str_of(keys->server_key, scram_size(keys->hash)), buf_str(&all));
		buf_adds(out, "v=");
		base64_encode(out, str_of(signature, scram_size(keys->hash)));
	}
	buf_free(&all);
	return st;
}

void
scram_exchange_free(struct scram_exchange *x)
{
	buf_free(&x->user);
	buf_free(&x->authzid);
	buf_free(&x->header);
	buf_free(&x->bare);
	buf_free(&x->first);
}
