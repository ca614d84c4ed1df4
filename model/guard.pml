/* A guard's holder word: taken by a swap that compares the whole word, from nobody or from one who is gone; given up by its holder; settled by whoever reaps.  Whoever uses the guard
 * may die at any step, and another tenant sits down in its slot, under a stamp of its own.  Who is gone is judged in two looks: at the seat, and at the kernel's lock of the slot.
 * Wanted: never two at once who live and write; and who is gone holds it no longer than until somebody looks.
 *   (take, give_up, undo and ae_guard_settle of core/guard.c).  One whose region cannot be opened makes it nobody's again, as it was; after a dead one, with that one's mark.
 * The word of a pair's writer is the same, and when it is settled a mark stays in it: who takes it next is told that the one before died, whoever has met that one's word first.
 *   (claim, aether_pingpong_resign, end_writer, ae_pair_leave and ae_pair_settle of core/pingpong.c)
 *   -DNOCOMPARE  a settler stores instead of comparing what it judged
 *   -DNOSTAMP    who sits in the slot now is taken for the holder
 *   -DSILENCE    who says nothing is taken for dead
 *   -DNOMARK     a settler leaves no mark: nobody is told
 *   -DDROPFIRST  who leaves gives the lock of its slot back before it has let go */
#define SLOTS 2
#define TENANCIES 4                                             /* a slot's are s, s+2 */
#define slot(t) ((t-1)%SLOTS)
byte word, gen, inside, kills=2, users, ended; bit mark, owed; /* owed: one has died holding it, and nobody was told */
byte sits[SLOTS]; bit lock[SLOTS];
#define S(code) atomic { if :: kills>0 -> kills--; goto gone :: true fi; code }

inline judge(seat, life, isgone) {
#if NOSTAMP
  isgone = !life
#elif SILENCE
  isgone = 1
#else
  isgone = (seat!=w || !life)
#endif
}
proctype user(byte me) { byte w, g, seat, turns; bit life, isgone, got, m, o;
  S( lock[slot(me)]=1 ); S( sits[slot(me)]=me );                /* J4, J6 */
  do :: turns==1 -> break
     :: turns<1 -> turns++;
        S( w=word; g=gen; m=mark; isgone=1 );                           /* U1 */
        if :: w!=0 && w!=me -> S( seat=sits[slot(w)] ); S( life=lock[slot(w)] ); judge(seat, life, isgone) :: else fi;
        if :: isgone ->
              S( got=0; if :: word==w && gen==g && mark==m -> word=me; mark=0; if :: w!=0 -> gen++ :: else fi; got=1; inside++; assert(inside==1);
                    assert(!owed || w!=0 || m); o=owed; owed=0 :: else fi );                                                                          /* U2 */
              if :: got ->
#if DROPFIRST
                    S( lock[slot(me)]=0 );
#endif
                    if :: S( inside--; if :: word==me -> word=0; gen++ :: else fi; got=0 )                                                     /* U3 */
#if !DROPFIRST
                       :: S( inside--; if :: word==me -> word=0; mark=(w!=0 -> 1 : m); owed=o :: else fi; got=0 )                             /* U5 */
#endif
                    fi
                 :: else fi
           :: else fi
  od;
  atomic { ended++; goto stays };
gone: atomic { if :: got -> inside-- :: else fi; if :: word==me -> owed=1 :: else fi; lock[slot(me)]=0;
        if :: me+SLOTS<=TENANCIES -> run user(me+SLOTS) :: else ended++ fi };
stays: skip }
proctype settler() { byte w, g, seat, turns; bit life, isgone;
  do :: turns==2 -> break
     :: turns<2 -> if :: turns==1 -> (ended==SLOTS) :: else fi; turns++;   /* the last look comes when all is quiet */
        atomic { w=word; g=gen };
        if :: w!=0 -> seat=sits[slot(w)]; life=lock[slot(w)]; judge(seat, life, isgone);
              if :: isgone ->
#if NOCOMPARE
                    atomic { word=0; gen++; mark=1 }
#else
                    atomic { if :: word==w && gen==g -> word=0; gen++;
#if !NOMARK
                             mark=1
#endif
                           :: else fi }                                                                                             /* U4 */
#endif
                 :: else fi
           :: else fi
  od; assert(word==0 && (!owed || mark)) }
init { atomic { run user(1); run user(2); run settler() } }
