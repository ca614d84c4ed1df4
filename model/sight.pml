/* The seat of a dead one on a divided plane, where nobody need see all: its record says in which segments it may have left something (its sight).  Who has settled what he sees
 * takes that out of it, and who finds it empty frees the seat; a newcomer takes the seat over only if it sees all that is left (strike, ae_sight_within and ae_sight_write of
 * core/segment.c, sit of core/participant.c, free_seats of core/reap.c).  Two segments, one stride in each; reapers that see one of them, newcomers that see one or both; all may die.
 *   -DSCEN=2      two newcomers and two reapers (4.1 million states; else one newcomer, three reapers: 19.7)
 *   -DNOSIGHT     a reaper frees the seat when it has settled what it sees
 *   -DTAKEOVER    a newcomer does not ask what is left
 *   -DEARLYSTRIKE a reaper takes its segments out first and settles them then
 *   -DSTRIKELIVE  a reaper takes its segments out of the sight of a newcomer that lives
 *   -DNOLOOK      a reaper does not look whether that newcomer has sat down before it died
 *   -DKEEPFOREIGN a reaper never touches a sight that a newcomer has written, though that has died
 *   -DBLINDSTRIKE a reaper writes what it read, and does not compare */
#ifndef KILLS
#define KILLS 2
#endif
#define FREE 0
#define ACTIVE 1
#define DEAD 2
byte seat=ACTIVE, stamp=1;      /* one word */
byte set=3, by=1;               /* the sight, one word: segments, and the stamp of who wrote it */
byte word[2]=1;                 /* whose the stride of each segment is; 0: free */
byte lock;                      /* the kernel's: who lives there */
byte nk, ndone;
#define S(code) atomic { if :: nk<KILLS -> nk++; goto gone :: true fi; code }
#define SEES(m,x) ((m)&(1<<(x)))

inline pass(m) {                /* P: of one's segments, whatever names a tenancy that is not there */
  i=0;
  do :: i<2 && SEES(m,i) -> S( w=word[i] );
        if :: w!=0 && w!=me -> S( q=(seat==ACTIVE && stamp==w) );
              if :: !q -> S( if :: word[i]==w -> word[i]=0 :: else fi ) :: else fi
           :: else fi; i++
     :: i<2 && !SEES(m,i) -> i++
     :: i==2 -> break od }

inline strike(m) {              /* X */
  S( v=set; u=by );             /* X1: read */
  do :: (v&m)==0 -> break
     :: else ->
#if STRIKELIVE
        q=0;
#elif KEEPFOREIGN
        q=(u!=st);
#else
        S( q=(u!=st && lock!=0) );                              /* X2: a newcomer's, and it lives */
#if !NOLOOK
        S( q=(q || (u!=st && (seat!=DEAD || stamp!=st))) );     /* or it has sat there since, and may have left something, too */
#endif
#endif
        if :: q -> break :: else fi;
#if BLINDSTRIKE
        S( set=v&~m; v=set );
#else
        S( if :: set==v && by==u -> set=v&~m; v=v&~m :: else -> v=set; u=by fi );       /* X3 */
#endif
  od;
  S( v=set ) }                  /* X6: what is left, by now */

proctype reaper(byte m; byte n) { byte me, i, w, q, v, u, s, st;
  do :: n==0 -> break
     :: else -> n--;
        S( s=seat; st=stamp );                                  /* M1 */
        if :: s==ACTIVE -> S( q=lock );                         /* M2 */
              if :: q==0 -> S( if :: seat==ACTIVE && stamp==st -> seat=DEAD; s=DEAD :: else fi ) :: else fi  /* M3 */
           :: else fi;
        if :: s==DEAD ->
#if EARLYSTRIKE
              strike(m); pass(m);
#else
              pass(m); strike(m);
#endif
#if NOSIGHT
              v=0;
#endif
              if :: (v&~m)==0 -> S( if :: seat==DEAD && stamp==st -> assert(word[0]==0 && word[1]==0); seat=FREE :: else fi ) :: else fi /* M4 */
           :: else fi
  od;
gone: ndone++ }

proctype newcomer(byte me; byte m) { byte i, w, q, s, st, n;
  S( if :: lock==0 -> lock=me :: else -> goto gone fi );        /* J4 */
  n=2;
again:
  S( s=seat; st=stamp );                                        /* J5 */
  if :: s==ACTIVE -> goto drop :: else fi;
#if !TAKEOVER
  if :: s==DEAD -> S( q=set&~m ); if :: q -> goto drop :: else fi :: else fi;   /* X4 */
#endif
  S( set=m; by=me );                                            /* X5 */
  S( if :: seat==s && stamp==st -> seat=ACTIVE; stamp=me; q=1 :: else -> q=0 fi );      /* J7 */
  if :: !q && n>0 -> n--; goto again :: !q && n==0 -> goto drop :: else fi;
  S( assert((word[0]==0 || SEES(m,0)) && (word[1]==0 || SEES(m,1))) );
  if :: s==DEAD -> pass(m) :: else fi;                          /* J9 */
  i=0;
  do :: i<2 && SEES(m,i) -> S( if :: word[i]==0 -> word[i]=me :: else fi ); i++
     :: i<2 && !SEES(m,i) -> i++
     :: i==2 -> break od;
  S( assert(seat!=ACTIVE || stamp!=me || (set==m && by==me)) ); /* what senders ask */
  i=0;
  do :: i<2 -> S( if :: word[i]==me -> word[i]=0 :: else fi ); i++ :: i==2 -> break od;   /* L2 */
  S( if :: seat==ACTIVE && stamp==me -> assert(word[0]==0 && word[1]==0); seat=FREE :: else fi );        /* L3 */
drop: skip;
gone: atomic { if :: lock==me -> lock=0 :: else fi; ndone++ } }

/* When all have ended, two that see a half each and do not die settle what is left, without help from others. */
active proctype monitor() {
  (ndone==4) -> nk=KILLS; run reaper(1,1);
  (ndone==5) -> run reaper(2,1);
  (ndone==6) -> run reaper(1,1);
  (ndone==7) -> assert(seat==FREE && word[0]==0 && word[1]==0) }
#if SCEN==2
init { atomic { run reaper(1,1); run reaper(2,1); run newcomer(2,3); run newcomer(3,2) } }
#else
init { atomic { run reaper(1,1); run reaper(2,1); run reaper(2,1); run newcomer(2,3) } }
#endif
