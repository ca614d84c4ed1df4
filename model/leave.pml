/* A seat that is given up, against a commit: who commits looks at the seat then, who leaves (or is declared dead) looks at the words then.  Both the store and the look that follows
 * must be sequentially consistent, or both miss each other and a stride is on its way to nobody for ever.  Store buffers (TSO) show it.
 *   (commit, send_on, bequeath, commit_share and look_again of core/: the sender's side; ae_participant_leave and mark_dead with settle_word: the other)
 *   -DWEAKCOMMIT  the commit lingers in the sender's store buffer while it looks at the seat
 *   -DWEAKLEAVE   LEAVING lingers in the leaver's store buffer while it looks at the words
 *   -DLOOKFIRST   the leaver looks at the words and says then that it leaves
 *   -DNOLOOK      the sender does not look again */
#define MINE 1
#define ROUTED 2
#define DORMANT 0
byte word=MINE; byte seat=1;                                    /* 1 active, 2 leaving, 0 free */
bit bufword, bufseat, done1, done2;
active proctype sender() { byte s;
  if :: seat==1 -> skip :: else -> goto out fi;                 /* R1 */
#if WEAKCOMMIT
  bufword=1;
#else
  word=ROUTED;                                                  /* R3 */
#endif
#if !NOLOOK
  s=seat;                                                       /* R4 */
  if :: s!=1 -> atomic { if :: bufword -> bufword=0; word=ROUTED :: else fi }; atomic { if :: word==ROUTED -> word=MINE :: else fi } :: else fi;   /* R5: a swap empties the buffer */
#endif
out: done1=1 }
active proctype leaver() { byte w;
#if LOOKFIRST
  w=word; seat=2;
#else
#if WEAKLEAVE
  bufseat=1;
#else
  seat=2;                                                       /* L1 */
#endif
  w=word;                                                       /* L2 */
#endif
  if :: w==ROUTED -> atomic { if :: word==ROUTED -> word=DORMANT :: else fi } :: else fi;
  (bufseat==0); seat=0; done2=1 }                               /* L3 is a swap: it empties the buffer */
active proctype buffer() {
end: do :: atomic { bufword -> word=ROUTED; bufword=0 } :: atomic { bufseat -> seat=2; bufseat=0 } od }
active proctype monitor() { (done1 && done2 && !bufword && !bufseat) -> assert(word!=ROUTED) }
