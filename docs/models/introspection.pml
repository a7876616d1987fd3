/* What a gateway does with a request when its lease is over (../../apps/auth-gateway/src/authentication/introspection.ts): one
 * question to a token-service, put after the request came, answered from the primary, and good for that request alone.
 *
 * A gateway without a lease is waited for by nobody: once it is committed, a change may be answered at any moment. What goes on
 * while the lease holds is access-ledger.pml; the two share nothing but the database.
 *
 * Near misses (-DNAME): each takes one rule away, and must fail.
 *   SHAREDINTROSPECTION   a request takes the answer to a question that another request has put
 *   KEPTINTROSPECTION     an answer is kept and used for a later request
 *   ASKEDBEFORE           the question is put before the request came
 *   STANDBY               the answer is read from a standby, which may be behind
 */
#ifndef REFUSALS
#define REFUSALS 1               /* 0: look for stale accepts only */
#endif
bit revoked = 0;                 /* the token's row on the primary */
bit standbyRevoked = 0;          /* the same on a standby */
bit mustRefuse = 0, mustAdmit = 0;            /* as in access-ledger.pml */
bit requestMustRefuse = 0, requestMustAdmit = 0; /* the same for the request in flight: what held when it began, and has since */

mtype = { NONE, ASKED, READ };
mtype other = NONE; bit otherRevoked = 0;     /* Introspection.ask for some other request */
mtype own = NONE; bit ownRevoked = 0;         /* and for this one */
bit inFlight = 0;

inline read(answer) {
#ifdef STANDBY
  answer = standbyRevoked
#else
  answer = revoked
#endif
}
inline decide(answer) {
  if
  :: requestMustRefuse && !answer -> assert(!requestMustRefuse) /* stale accept */
  :: REFUSALS && requestMustAdmit && answer -> assert(!requestMustAdmit)    /* wrong refusal */
  :: else
  fi;
  inFlight = 0; requestMustRefuse = 0; requestMustAdmit = 0
}

/* Revoke, restore, revoke, and so on. */
active proctype Caller() {
  do
  :: atomic { if :: revoked -> mustRefuse = 0; requestMustRefuse = 0 :: else -> mustAdmit = 0; requestMustAdmit = 0 fi }; /* begins */
     revoked = !revoked;                                                                                            /* commits */
     if
     :: atomic { if :: revoked -> mustRefuse = 1 :: else -> mustAdmit = 1 fi }                                      /* returns */
     :: true                                                                                                        /* no answer */
     fi
  od
}

active proctype Standby() { do :: atomic { standbyRevoked != revoked -> standbyRevoked = revoked } od }

active proctype Introspection() {
  do
  /* some other request */
  :: atomic { other == NONE -> other = ASKED }
  :: atomic { other == ASKED -> read(otherRevoked); other = READ }
#ifndef KEPTINTROSPECTION
  :: atomic { other == READ -> other = NONE; otherRevoked = 0 }
#endif

  /* the request that is watched */
  :: atomic { !inFlight -> inFlight = 1; requestMustRefuse = mustRefuse; requestMustAdmit = mustAdmit }
#ifdef ASKEDBEFORE
  :: atomic { own == NONE -> own = ASKED }
#else
  :: atomic { inFlight && own == NONE -> own = ASKED }
#endif
  :: atomic { own == ASKED -> read(ownRevoked); own = READ }
  :: atomic { inFlight && own == READ -> decide(ownRevoked); own = NONE; ownRevoked = 0 }
  :: atomic { inFlight -> inFlight = 0; requestMustRefuse = 0; requestMustAdmit = 0; own = NONE; ownRevoked = 0 } /* 503: nobody answered */
#if defined(SHAREDINTROSPECTION) || defined(KEPTINTROSPECTION)
  :: atomic { inFlight && other == READ && own == NONE -> decide(otherRevoked) }
#endif
  od
}
