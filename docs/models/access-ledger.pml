/* The access ledger (../../apps/token-service/src/access, ../../apps/auth-gateway/src/access-view): leases, the revocation
 * barrier, the change feed, snapshots and the dropping of entries. One token, one gateway; whatever changes access, in any order.
 *
 * Everything may be lost, late or repeated, the gateway may be killed or shut down, a call may end without an answer, and time may
 * pass at any point. Nobody reads another's clock: each waits for durations on its own.
 *
 *   npm run model            runs all of it; README.md says what is checked
 *
 * Near misses (-DNAME): each takes one rule away, and must fail.
 *   READFIRST          GatewayLeases.renew reads the entries before the row is committed
 *   TWOSTATEMENTS      GatewayLeases.renew reads the entries in one statement and `seq` in the next
 *   SEQFIRST           the same, the other way round
 *   PARTIALDELTA       a renewal hands over a page of the entries, and raises appliedSeq to the last of it
 *   FROMRECV           Lease.extend counts from receipt, not from sending
 *   EXTENDFIRST        Lease.extend before AccessReplica.applyDelta
 *   BEFORE             RevocationBarrier.pass reads the rows before the commit
 *   SHORTWAIT          RevocationBarrier.pass waits for less than leaseMs
 *   BLINDFENCE         the barrier fences a row although its `renewals` moved
 *   BLINDSWEEP         LeaseSweeper does
 *   ACKRECEIVED        a change that was only kept for later is acknowledged
 *   SKIPGAP            AccessReplica.applyChange takes a change although one before it is missing
 *   REPLAY             AccessReplica.applyChange takes a change at or below appliedSeq
 *   OPENSNAPSHOT       AccessReplica.install while the lease stays open
 *   RELEASEFIRST       the lease is given back before the gate is shut
 *   NOCOMPACTEDSEQ     an entry is dropped without raising compactedSeq
 *   OLDERSNAPSHOT      with ALLOW: a snapshot that is older than the view (of the same epoch) is installed
 * -DWAITUNGRANTED   must hold too: the barrier waits for rows whose `renewals` is 0, leases that were never granted.
 * -DALLOW   PORTCULLIS_WHEN_STALE=allow: the lease isn't looked at, and only what a receipt calls `confirmed` is promised.
 * -DREFUSALS=0   looks for stale accepts only.
 *
 * What the gateway may meet (-DNAME=0 leaves it out, so that the search stays small): */
#ifndef FEED
#define FEED 1             /* the change feed: AccessReplica.applyChange, acks */
#endif
#ifndef SNAPSHOTS
#define SNAPSHOTS 1        /* dropped entries, snapshots at any time */
#endif
#ifndef ENDS
#define ENDS 1             /* kill -9 and start, shutdown and start */
#endif
#ifndef SWEEPER
#define SWEEPER 1          /* LeaseSweeper */
#endif
#ifndef DELAYED
#define DELAYED 1          /* a renewal that the gateway gave up on reaches the token-service later */
#endif
#ifndef KEYS
#define KEYS 0             /* SigningKeys.resolvedSeq: less is reported than was applied */
#endif
#ifndef CHANGES
#define CHANGES 3          /* numbers in the ledger */
#endif
#ifndef REFUSALS
#define REFUSALS 1
#endif
#ifdef ALLOW
#define ADMITS haveView
#else
#define ADMITS (haveView && leaseLeft > 0)
#endif
#define LEASE_MS 2         /* leaseMs, in ticks; LEASE_MARGIN_MS is for clocks that run at different rates, here they don't */

/* ---- Postgres: access_clock, access_entries and one row of gateway_leases ---- */
byte seq = 0, compactedSeq = 0;
bit revokedAt[CHANGES + 1];  /* what the token was after each number; never in the database, where only the latest is kept */
bit aboutToken[CHANGES + 1]; /* whether a number is about this token, or about something else */
byte tokenEntry = 0;         /* the number of the token's entry, 0: none */
byte otherEntry = 0;         /* the latest entry about something else */
mtype = { NONE, LIVE, OVER };
mtype row = NONE;            /* OVER: released_at or fenced_at */
byte rowAppliedSeq = 0;      /* applied_seq */
bit granted = 0;             /* renewals > 0 */
bit renewedSinceBarrier = 0, renewedSinceSweep = 0; /* `renewals` moved since each of them read it */

/* ---- the gateway ---- */
byte appliedSeq = 0; bit viewRevoked = 0; /* AccessReplica, AccessView */
bit haveView = 0, registered = 0, snapshotNeeded = 1;
byte early = 0;              /* AccessReplica.#early, a bit for each number */
byte leaseLeft = 0;          /* Lease: ticks until it is over */
byte age = 0;                /* ticks since the renewal was sent */
mtype = { IDLE, SENT, BETWEEN, ANSWERED };
mtype renewal = IDLE;        /* the renewal on its way */
byte sinceSeq = 0;           /* its applied_seq */
mtype = { DELTA, SNAPSHOT_REQUIRED, LEASE_UNKNOWN };
mtype answer = DELTA; byte answerSeq = 0, answerEntry = 0;
bit snapshotTaken = 0; byte snapshotSeq = 0; bit snapshotRevoked = 0;
bit delayed = 0; byte delayedSeq = 0;
bit releasing = 0;

/* ---- token-service: GatewayProgress, RevocationBarrier, LeaseSweeper ---- */
byte acked = 0;              /* GatewayProgress.#latest for the lease, by acks */
bit waitsForRow = 0;         /* the barrier waits for this very lease */
byte waited = 0;
bit swept = 0; byte still = 0;

/* ---- what was promised ---- */
bit mustRefuse = 0;          /* a call returned after which the token is revoked, and no granting call has begun since */
bit mustAdmit = 0;           /* a call returned, the gateway not `pending`, after which it is not, and no revoking call has begun */

inline put(n) { if :: aboutToken[n] -> viewRevoked = revokedAt[n] :: else fi }
inline max(variable, value) { if :: value > variable -> variable = value :: else fi }

inline readDelta() {
  answerEntry = (tokenEntry > sinceSeq -> tokenEntry : 0); answerSeq = seq;
#ifdef PARTIALDELTA
  if :: otherEntry > sinceSeq && otherEntry < tokenEntry -> answerSeq = otherEntry; answerEntry = 0 :: else fi;
#endif
  answer = (sinceSeq < compactedSeq -> SNAPSHOT_REQUIRED : DELTA)
}
inline commitRow() { /* RENEW_SQL */
  if
  :: row == LIVE -> granted = 1; renewedSinceBarrier = 1; renewedSinceSweep = 1; rowAppliedSeq = sinceSeq
  :: else -> answer = LEASE_UNKNOWN
  fi
}

inline applyEarly() {
  do
  :: appliedSeq < CHANGES && (early & (1 << (appliedSeq + 1))) -> appliedSeq++; put(appliedSeq); early = early & ~(1 << appliedSeq)
  :: else -> break
  od;
  early = (early >> (appliedSeq + 1)) << (appliedSeq + 1)
}
inline applyChange(n) {
  if
#ifdef REPLAY
  :: n <= appliedSeq -> put(n)
#endif
  :: n == appliedSeq + 1 -> appliedSeq = n; put(n); applyEarly()
#ifdef SKIPGAP
  :: n > appliedSeq + 1 -> appliedSeq = n; put(n)
#endif
  :: n > appliedSeq + 1 -> early = early | (1 << n);
#ifdef ACKRECEIVED
     max(acked, n)
#endif
  :: else
  fi
}
inline applyDelta() {
  if
  :: answerSeq > appliedSeq ->
     if :: answerEntry > appliedSeq -> put(answerEntry) :: else fi;
     appliedSeq = answerSeq; applyEarly()
  :: else
  fi
}
inline extendLease() {
#ifdef FROMRECV
  leaseLeft = LEASE_MS
#else
  leaseLeft = LEASE_MS - age
#endif
}
/* What the gateway says of itself: everything applied, or less while a key is missing. */
inline confirmation(n) {
  n = appliedSeq;
  if :: KEYS && appliedSeq > 0 -> n = appliedSeq - 1 :: true fi
}
inline abandonRenewal() {
  if
  :: DELAYED && renewal == SENT -> delayed = 1; delayedSeq = sinceSeq
  :: true
  fi;
  renewal = IDLE; age = 0; sinceSeq = 0; answer = DELTA; answerSeq = 0; answerEntry = 0
}
inline forget() { /* a new process */
  leaseLeft = 0; haveView = 0; registered = 0; snapshotNeeded = 1; appliedSeq = 0; viewRevoked = 0; early = 0; releasing = 0;
  snapshotTaken = 0; snapshotSeq = 0; snapshotRevoked = 0; abandonRenewal()
}

active proctype Time() {
  do
  :: d_step {
       leaseLeft > 0 || (renewal != IDLE && age < LEASE_MS) || (waitsForRow && waited < LEASE_MS) || (swept && still < LEASE_MS) ->
       if :: leaseLeft > 0 -> leaseLeft-- :: else fi;
       if :: renewal != IDLE && age < LEASE_MS -> age++ :: else fi;
       if :: waitsForRow && waited < LEASE_MS -> waited++ :: else fi;
       if :: swept && still < LEASE_MS -> still++ :: else fi
     }
  od
}

/* AccessFollower: one step of its own at a time; the change feed and requests come in between. */
active proctype AccessFollower() {
  byte n;
  do
  :: atomic { !registered && !releasing -> /* GatewayLeases.register: a row of its own, whatever became of the one before */
       registered = 1; row = LIVE; granted = 0; rowAppliedSeq = 0; acked = 0; waitsForRow = 0; waited = 0; swept = 0; still = 0;
       renewedSinceBarrier = 0; renewedSinceSweep = 0; delayed = 0; delayedSeq = 0 }

  :: atomic { registered && snapshotNeeded && !snapshotTaken && renewal == IDLE && !releasing -> /* AccessSnapshot.open: one transaction */
       snapshotTaken = 1; snapshotSeq = seq; snapshotRevoked = revokedAt[seq] }
  :: atomic { snapshotTaken -> /* AccessReplica.install */
       if
#ifndef OLDERSNAPSHOT
       :: haveView && snapshotSeq <= appliedSeq             /* the feed has gone further, and that was confirmed */
       :: else ->
#else
       :: true ->
#endif
#ifndef OPENSNAPSHOT
          leaseLeft = 0;
#endif
          appliedSeq = snapshotSeq; viewRevoked = snapshotRevoked; early = 0; haveView = 1
       fi;
       snapshotNeeded = 0;
       snapshotTaken = 0; snapshotSeq = 0; snapshotRevoked = 0 }

  :: atomic { registered && haveView && !snapshotNeeded && renewal == IDLE && !releasing ->
       confirmation(sinceSeq); age = 0; renewal = SENT }
#ifdef EXTENDFIRST
  :: atomic { renewal == ANSWERED && answer == DELTA && leaseLeft == 0 -> extendLease() }
#endif
  :: atomic { renewal == ANSWERED ->
       if
       :: answer == DELTA -> applyDelta(); extendLease()
       :: answer == SNAPSHOT_REQUIRED -> snapshotNeeded = 1
       :: answer == LEASE_UNKNOWN -> leaseLeft = 0; registered = 0
       fi;
       renewal = IDLE; age = 0; sinceSeq = 0; answer = DELTA; answerSeq = 0; answerEntry = 0 }
  :: atomic { renewal != IDLE -> abandonRenewal() } /* no answer came, or the request never went through */

#if FEED
  :: atomic { haveView && seq >= 1 -> n = 1; do :: n < seq -> n++ :: break od; applyChange(n); n = 0 } /* any change, once more */
  :: atomic { haveView && registered && acked < appliedSeq -> confirmation(n); max(acked, n); n = 0 }     /* AckPublisher */
#endif
#if ENDS
  :: atomic { registered -> forget() }                           /* kill -9 */
  :: atomic { registered && !releasing -> /* AccessFollower.release: the gate is shut, then the row is */
       releasing = 1; abandonRenewal();
#ifndef RELEASEFIRST
       leaseLeft = 0
#endif
     }
  :: atomic { releasing && row == LIVE -> row = OVER }
  :: atomic { releasing && row == OVER -> forget() }
#endif

  /* leaseAuthenticator: the lease is looked at and the view is read in one turn. */
  :: atomic { ADMITS && mustRefuse && !viewRevoked -> assert(!mustRefuse) /* stale accept */ }
#if REFUSALS
  :: atomic { ADMITS && mustAdmit && viewRevoked -> assert(!mustAdmit) /* wrong refusal */ }
#endif
  od
}

/* GatewayLeases.renew */
active proctype GatewayLeases() {
  do
#if defined(READFIRST)
  :: atomic { renewal == SENT -> readDelta(); renewal = BETWEEN }
  :: atomic { renewal == BETWEEN -> commitRow(); renewal = ANSWERED }
#else
  :: atomic { renewal == SENT -> commitRow(); renewal = (answer == LEASE_UNKNOWN -> ANSWERED : BETWEEN) }
#if defined(TWOSTATEMENTS) || defined(SEQFIRST)
  :: atomic { renewal == BETWEEN && answerSeq == 0 -> readDelta(); answerSeq = seq + 1 }
  :: atomic { renewal == BETWEEN && answerSeq > 0 ->
#ifdef TWOSTATEMENTS
       answerSeq = seq;
#else
       answerSeq = answerSeq - 1; answerEntry = (tokenEntry > sinceSeq -> tokenEntry : 0);
#endif
       renewal = ANSWERED }
#else
  :: atomic { renewal == BETWEEN -> readDelta(); renewal = ANSWERED }
#endif
#endif
#if SNAPSHOTS
  :: atomic { renewal == BETWEEN -> answer = SNAPSHOT_REQUIRED; renewal = ANSWERED } /* more than DELTA_ENTRIES_MAX */
  :: atomic { tokenEntry > 0 && !revokedAt[tokenEntry] -> /* restored long ago: the entry is dropped */
#ifndef NOCOMPACTEDSEQ
       max(compactedSeq, tokenEntry);
#endif
       tokenEntry = 0 }
#endif
#if DELAYED
  :: atomic { delayed ->
       if :: row == LIVE -> granted = 1; renewedSinceBarrier = 1; renewedSinceSweep = 1; rowAppliedSeq = delayedSeq :: else fi;
       delayed = 0; delayedSeq = 0 }
#endif
#if SWEEPER
  :: atomic { row == LIVE && (!swept || renewedSinceSweep) -> swept = 1; renewedSinceSweep = 0; still = 0 }
  :: atomic { swept && still == LEASE_MS -> /* LeaseSweeper */
#ifdef BLINDSWEEP
       if :: row == LIVE -> row = OVER :: else fi;
#else
       if :: row == LIVE && !renewedSinceSweep -> row = OVER :: else fi;
#endif
       swept = 0; still = 0 }
#endif
  od
}

inline readHeldLeases() {
  waitsForRow = (row == LIVE
#ifndef WAITUNGRANTED
    && granted
#endif
  );
  renewedSinceBarrier = 0; waited = 0
}

/* AccessLedger.change and RevocationBarrier.pass: one call after the other, each of which may end without an answer. */
active proctype Caller() {
  bit revokes, about, pending;
  do
  :: atomic { seq < CHANGES -> /* a call begins */
       if
       :: about = 1; revokes = 1                          /* revoke; delete, if it is revoked */
       :: revokedAt[seq] -> about = 1; revokes = 0        /* restore */
       :: seq > 0 -> about = 0; revokes = revokedAt[seq]  /* something else */
       fi;
       if :: about && revokes -> mustAdmit = 0 :: about && !revokes -> mustRefuse = 0 :: else fi };
#ifdef BEFORE
     atomic { readHeldLeases() };
#endif
     atomic { seq++; revokedAt[seq] = revokes; aboutToken[seq] = about;
       if :: about -> tokenEntry = seq :: else -> otherEntry = seq fi;
       about = 0 };
     goto pass
  :: atomic { seq > 0 -> revokes = revokedAt[seq] };     /* a call that changes nothing waits for the latest number too */
#ifdef BEFORE
     atomic { readHeldLeases() };
#endif
pass:
     pending = 0;
#ifndef BEFORE
     atomic { readHeldLeases() };
#endif
     if
#ifdef ALLOW
     :: goto done                                                              /* `unconfirmed`: nothing is promised */
#else
     :: atomic { !waitsForRow || row != LIVE }                                   /* none, or over meanwhile */
#endif
     :: atomic { waitsForRow && (acked >= seq || rowAppliedSeq >= seq) }         /* GatewayProgress.shortfalls */
#ifdef SHORTWAIT
     :: atomic { revokes && waitsForRow && waited == LEASE_MS - 1 ->
#else
     :: atomic { revokes && waitsForRow && waited == LEASE_MS ->                 /* fence */
#endif
#ifdef ALLOW
          pending = 1; /* `unconfirmed` */
#endif
#ifdef BLINDFENCE
          if :: row == LIVE -> row = OVER :: else fi }
#else
          if :: row == LIVE && !renewedSinceBarrier -> row = OVER :: else fi }
#endif
     :: atomic { !revokes && waitsForRow -> pending = 1 }                        /* GRANT_WAIT_MS */
     :: goto done                                                              /* nobody hears the answer */
     fi;
     atomic { if :: revokes && !pending -> mustRefuse = 1 :: !revokes && !pending -> mustAdmit = 1 :: else fi };
done:
     atomic { waitsForRow = 0; waited = 0; renewedSinceBarrier = 0; pending = 0; revokes = 0 }
  od
}
