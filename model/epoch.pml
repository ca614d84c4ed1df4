/* Epochs: a waiter parks on the epoch's own word until that differs from what it has seen.  Who signals adds 1 (E1), looks at the set of those who wait (E2), and wakes
 * all who are parked on the word (E3: add_one, aether_epoch_set, tell, wake of core/epoch.c).  Who waits says on whose word it parks, puts its bit
 * into the set (K2), looks again (K3), parks while the word is what it saw (K4), takes its bit back (K5): ae_epoch_announce, look_at, lie_down, ae_epoch_renounce.
 * Signallers may die at any step; whoever reaps them wakes each word on which somebody says that it parks (M: ae_wait_ring_all, ae_epoch_ring_parked).
 * The pool: a free (Q3, ae_pool_end) is a change as a signal is: its waiters are on doorbells, as in wake.pml; Q1, Q2: a claim is one swap of the word that was judged, after the
 * plane says that the epoch is in use: a reaper that sees the owner dead looks at what is in use, so it must not be the other way round.
 *   -DNOFENCE     the waiter's announcement lingers in its store buffer (TSO) while it looks again: lost wake-up
 *   -DLATECHANGE  the signal lingers in its maker's store buffer while that looks at the set: lost wake-up
 *   -DLOOKFIRST   the waiter looks again and announces itself then: lost wake-up
 *   -DTAKESET     the signaller takes the set by an exchange before it wakes, as is done with doorbells: one that is dead by then has hidden a waiter, which the reaper's wake
 *                 has met before it lay down, from the signals of others
 *   -DNOREAPWAKE  the reaper wakes no word: who has signalled is dead
 *   -DPOOL        the pool alone; with -DLATEUSED the owner claims first and says then that the epoch is in use: it dies between, and nobody frees it */
#define NW 2                            /* waiters */
byte word, set; bit parkson[NW], asleep[NW], bufset[NW]; byte bufword;
byte seen[NW]; byte nk, ndone; bit reaped;
byte owner; bit used, odead;            /* one epoch of the pool: 0 nobody, 1 the mortal owner */
#define BITOF(x) (1<<(x))
#define S(code) atomic { if :: nk<1 -> nk++; goto gone :: true fi; code }
#define WAKE atomic { asleep[0]=0; asleep[1]=0 }

#if POOL
active proctype claimer() {                                             /* Q1, Q2: dies at any step */
#if LATEUSED
  if :: owner=1 :: goto gone fi; if :: used=1 :: goto gone fi;
#else
  if :: used=1 :: goto gone fi; if :: owner=1 :: goto gone fi;
#endif
gone: odead=1 }
active proctype settler() { odead; if :: used -> owner=0 :: else fi }    /* Q3, by a pass */
active proctype monitor() { timeout -> assert(owner==0) }
#else
proctype signaller() { byte w;
#if LATECHANGE
  S( bufword++ );
#else
  S( word++ );                                                          /* E1 */
#endif
  S( if :: set==0 -> goto done :: else fi );                            /* E2 */
#if TAKESET
  S( w=set; set=0 );
#else
  w=set;
#endif
  S( if :: w -> WAKE :: else fi );                                      /* E3 */
done: skip;
gone: ndone++ }

proctype waiter(byte x) {
end: do
  :: atomic { word!=seen[x] -> seen[x]=word }                           /* it differs: it has got it */
  :: atomic { word==seen[x] };
#if LOOKFIRST
     if :: word!=seen[x] -> goto again :: else fi;
     parkson[x]=1; set=set|BITOF(x);
     atomic { if :: word==seen[x] || true -> skip fi };
#else
     parkson[x]=1;                                                      /* K2, where it parks */
#if NOFENCE
     bufset[x]=1;
#else
     set=set|BITOF(x);                                                  /* K2, its bit */
#endif
     if :: word!=seen[x] -> goto again :: else fi;                      /* K3 */
#endif
#if LOOKFIRST
     atomic { asleep[x]=1 };                                            /* a park that does not compare either */
#else
     atomic { if :: word==seen[x] -> asleep[x]=1 :: else fi };          /* K4 */
#endif
endp: (asleep[x]==0);
again: atomic { bufset[x]=0; set=set&~BITOF(x) };                       /* K5 */
     parkson[x]=0
  od }
active proctype buffer() {
end: do :: atomic { bufset[0] -> set=set|1; bufset[0]=0 } :: atomic { bufset[1] -> set=set|2; bufset[1]=0 } :: atomic { bufword -> word++; bufword-- } od }

active proctype survivor() {                                            /* somebody is dead: he is reaped, once */
end: atomic { nk>0 && !reaped -> reaped=1 };
#if NOREAPWAKE
  skip
#else
  if :: parkson[0] -> asleep[0]=0 :: else fi;                           /* M */
  if :: parkson[1] -> asleep[1]=0 :: else fi
#endif
  }

active proctype monitor() { (ndone==2); timeout -> assert(!(asleep[0] && word!=seen[0]) && !(asleep[1] && word!=seen[1])) }
init { atomic { run signaller(); run signaller(); run waiter(0); run waiter(1) } }
#endif
