/* Room for a buffer of a ping-pong pair in runs of strides (core/room.c): writers that may die at any step and are followed by others, a reaper; or a checked reader, and somebody who takes what is free.
 * A run is one word here; that it has tails is lease.pml's (F, V).  What orders the reader's bytes is pingpong.pml's: name and word change while `begun` is odd, as the bytes do, and are read after it.
 * Nothing is lost and nothing has two owners; what the pair keeps it names; what a reader calls sound is the commit that it began with, wherever the buffer was.
 * Two searches: deaths and a reaper; with -DREADS the other two, and no death.
 *   -DLATENAME   the name is written after the word says kept: lost, if its writer dies in between
 *   -DLATEEND    the old run ends after the new one is named: the same
 *   -DREAPKEPT   a reaper frees what a dead writer had handed over: a buffer that is read is somebody else's
 *   -DEVEN       (READS) room is made before the counter is odd: what another writes over is called sound */
#define NS 3                    /* strides */
#define NONE NS                 /* no stride: the region of the layout */
#ifndef READS
#define READS 0
#endif
#ifndef DEATHS
#define DEATHS (READS -> 0 : 2)
#endif
#if READS
#define WRITE(x,v) d[x]=v
#else
#define WRITE(x,v) skip
#endif
#define OTHER 6
#define REAPER 7
#define DORM 0
#define BUSY 1
#define KEPT 2
#define ENDG 3
byte st[NS], ow[NS], ge[NS];    /* lease words: each is read and swapped whole */
byte nm, ng;                    /* the pair's word: stride and generation; NONE */
byte begun, d[NS+1];            /* its counter; what the strides, and the region, hold */
byte dead, nd, over;            /* writers that are dead, a bit each */
#define GONE(o) ((dead>>(o))&1)
#define PUT(i,s,o,g) st[i]=s; ow[i]=o; ge[i]=g
#define NAMED(i) (nm==(i) && ng==ge[i])
/* a step of the writer: or it dies */
#define W(code) atomic { if :: nd<DEATHS -> dead=dead|(1<<me); nd++; goto gone :: true fi; code }
/* where the buffer is, for who has `begun` odd: nobody else changes it */
#define PLACE(x) if :: nm<NS && st[nm]==KEPT && ge[nm]==ng -> x=nm :: else -> x=NONE fi

/* L: the lease of the old run ends, then it is free */
inline let_go() {
  if :: old!=NONE ->
     W( assert(st[old]==KEPT); PUT(old,ENDG,me,ge[old]+1) );            /* L1 */
     W( if :: st[old]==ENDG && ow[old]==me -> PUT(old,DORM,0,ge[old]+1) :: else fi )   /* L2 */
  :: else fi }

inline room() {
  W( PLACE(old) );
  if :: new=NONE                                                        /* fewer fit into the region */
     :: W( if :: st[0]==DORM -> new=0 :: st[1]==DORM -> new=1 :: st[2]==DORM -> new=2 :: else -> new=NONE; none=1 fi; if :: new!=NONE -> PUT(new,BUSY,me,ge[new]) :: else fi )  /* V1 */
  fi;
  if :: none -> skip                                                    /* nothing is changed */
     :: else ->
#if !LATEEND
        let_go();
#endif
        if :: new!=NONE ->
#if !LATENAME
           W( nm=new; ng=ge[new] );                                     /* N1 */
#endif
           W( assert(st[new]==BUSY && ow[new]==me); PUT(new,KEPT,me,ge[new]) );   /* N2 */
#if LATENAME
           W( nm=new; ng=ge[new] );
#endif
        :: else -> W( nm=NONE )                                         /* L3 */
        fi;
#if LATEEND
        let_go()
#endif
  fi; none=0; old=0; new=0 }

proctype writer(byte me) { byte old, new, x, n; bit none;
  do
  :: n<2 -> n++;
#if EVEN
     room();
#endif
     W( begun=begun|1 );                                                /* B4 */
#if !EVEN
     room();
#endif
     W( PLACE(x); WRITE(x,(begun|1)+1); x=0 );
     W( begun=(begun|1)+1 );                                            /* C1 */
     if :: break :: true fi
  :: else -> break
  od;
  over=1; goto end;
gone: old=0; new=0; x=0; n=0; none=0; run writer(me+1);
end: skip }

/* P: what names a dead writer is freed */
proctype reaper() { byte i, g, s; bit last;
  do
  :: atomic { i<NS && GONE(ow[i]) && (st[i]==BUSY || st[i]==ENDG
#if REAPKEPT
       || st[i]==KEPT
#endif
       ) -> s=st[i]; g=ge[i] };                                         /* P1, P2 */
     atomic { if :: GONE(ow[i]) && st[i]==s && ge[i]==g -> PUT(i,ENDG,REAPER,g+(s!=ENDG)) :: else -> s=0 fi };  /* P3 */
     if :: s -> atomic { PUT(i,DORM,0,ge[i]+1); s=0; g=0 } :: else -> g=0 fi   /* P4 */
  :: atomic { i<NS && !(GONE(ow[i]) && (st[i]==BUSY || st[i]==ENDG)) -> i++ }
  :: atomic { i==NS && !last -> i=0; last=over }
  :: i==NS && last -> break
  od;
  /* in the end: nobody is there */
  i=0;
  do :: i<NS -> assert(st[i]!=ENDG && (st[i]!=BUSY || ow[i]==OTHER)); assert(st[i]!=KEPT || NAMED(i)); i++ :: else -> break od }

/* takes what is free, writes, gives it back */
proctype other() { byte i, n;
  do
  :: n<2 -> atomic { if :: st[0]==DORM -> i=0 :: st[1]==DORM -> i=1 :: st[2]==DORM -> i=2 :: else -> i=NONE fi; if :: i!=NONE -> PUT(i,BUSY,OTHER,ge[i]) :: else fi };
     if :: i!=NONE -> WRITE(i,99); atomic { assert(st[i]==BUSY && ow[i]==OTHER); PUT(i,DORM,0,ge[i]+1) } :: else fi; i=0; n++
  :: n<2 -> break
  :: else -> break
  od }

proctype reader() { byte g, h, m, k, x, r;
  g=begun;
  atomic { m=nm; k=ng };
  atomic { if :: m<NS && st[m]==KEPT && ge[m]==k -> x=m :: else -> x=NONE fi };
  r=d[x];
  h=begun;
  assert((g&1) || g!=h || r==g) }

init { atomic { nm=NONE; run writer(1); if :: READS -> run other(); run reader() :: else -> run reaper() fi } }
